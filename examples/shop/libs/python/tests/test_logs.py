import io
import json

from shop.logs import logger


def test_records_name_the_service():
    out = io.StringIO()
    logger("reviews", out).info("hello", extra={"fields": {"port": 80}})
    record = json.loads(out.getvalue())
    assert (record["service"], record["msg"], record["port"]) == ("reviews", "hello", 80)


def test_text_is_for_people(monkeypatch):
    monkeypatch.setenv("LOG_FORMAT", "text")
    out = io.StringIO()
    logger("reviews", out).info("hello")
    assert out.getvalue() == "hello\n"
