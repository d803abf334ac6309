from uuid import UUID

from recommend.ranking import beside
from shop_api import Cart, Line, Order, Product

TEA, POT, CUP = PRODUCTS = [Product(id, id.title(), 100) for id in ("tea", "pot", "cup")]


def order(*products: Product) -> Order:
    lines = [Line(product, 1) for product in products]
    return Order(1, Cart(UUID(int=0), lines, sum(product.price_cents for product in products)))


def test_without_orders_the_catalog_decides():
    assert beside("tea", PRODUCTS, [], 5) == [POT, CUP]


def test_what_was_ordered_together_comes_first():
    orders = [order(TEA, CUP), order(TEA, CUP), order(TEA, POT), order(POT), order(POT)]
    assert beside("tea", PRODUCTS, orders, 5) == [CUP, POT]


def test_no_more_than_asked_for():
    assert beside("tea", PRODUCTS, [], 1) == [POT]
