"""Turns the messages of shop_api into JSON and back, and holds what comes in against their types."""

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

Message = TypeVar("Message")


class Malformed(ValueError):
    """What came in is not the message that it should be; the text says where."""


def read(kind: type[Message], text: bytes) -> Message:
    """Returns the message that a JSON text holds."""
    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"]) or "the message"
        raise Malformed(f"{place}: {first['msg']}") from error


def write(message: object) -> bytes:
    """Returns a message, or a list of messages, as JSON."""
    return TypeAdapter(type(message)).dump_json(message)
