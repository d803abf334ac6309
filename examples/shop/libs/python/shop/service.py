"""Runs a process the way every service of the shop runs: an address from -addr or PORT, structured logs,
an orderly end on SIGTERM. It knows no web framework: each service brings its server."""

import argparse
import os
import signal
import socket
from collections.abc import Callable

from shop.logs import logger


def main(name: str, default_addr: str, serve: Callable[[socket.socket], None]) -> None:
    """Parses the command line, listens, and calls serve, which returns once SystemExit was raised in it."""
    if port := os.environ.get("PORT"):
        default_addr = ":" + port
    parser = argparse.ArgumentParser(prog=name)
    parser.add_argument("-addr", "--addr", default=default_addr, help="address to listen on; port 0 takes any free one")
    arguments = parser.parse_args()

    log = logger(name)
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    with listen(arguments.addr) as listener:
        host, port = listener.getsockname()[:2]
        log.info("listening", extra={"fields": {"addr": f"{host}:{port}"}})
        try:
            serve(listener)
        except SystemExit:
            pass
    log.info("stopped")


def listen(addr: str) -> socket.socket:
    """Returns a socket that listens on host:port; without a host, on all addresses."""
    host, _, port = addr.rpartition(":")
    return socket.create_server((host, int(port)))


def _leave(_signal: int, _frame: object) -> None:
    raise SystemExit(0)
