"""Structured logs: one JSON object a line, as the Go services write them."""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import TextIO


class JSONFormatter(logging.Formatter):
    """Writes a record with the service's name and the fields given as `extra={"fields": …}`."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "msg": record.getMessage(),
            "service": self.service,
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def logger(service: str, stream: TextIO = sys.stderr) -> logging.Logger:
    """Returns the logger of a service. LOG_FORMAT=text is for people."""
    handler = logging.StreamHandler(stream)
    if os.environ.get("LOG_FORMAT") != "text":
        handler.setFormatter(JSONFormatter(service))
    log = logging.getLogger(service)
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)
    return log
