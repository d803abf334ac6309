"""Amounts of money without floating point: the Python side of libs/go/money."""


def format_cents(cents: int) -> str:
    """Returns the amount as people read it: 1234 is "12.34 EUR"."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole}.{rest:02} EUR"
