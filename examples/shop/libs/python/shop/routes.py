"""Works with the route patterns of shop_api."""

import re
from urllib.parse import quote


def path(route: str, *values: str) -> str:
    """Fills the placeholders of a route, in order: path(ROUTE_PRODUCT, "tea") is "/products/tea"."""
    filled = iter(values)
    return re.sub(r"\{\w+\}", lambda _: quote(next(filled), safe=""), route)
