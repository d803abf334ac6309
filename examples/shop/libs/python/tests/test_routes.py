import pytest

from shop.routes import path
from shop_api import ROUTE_PRODUCTS, ROUTE_REVIEWS


@pytest.mark.parametrize(
    ("route", "value", "want"),
    [
        (ROUTE_PRODUCTS, "ignored", "/products"),
        ("/products/{id}", "a/b c", "/products/a%2Fb%20c"),
        (ROUTE_REVIEWS, "tea", ROUTE_REVIEWS.replace("{id}", "tea")),
    ],
)
def test_placeholders_are_filled(route, value, want):
    assert path(route, value) == want
