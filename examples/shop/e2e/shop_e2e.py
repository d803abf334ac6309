#!/usr/bin/env python3
"""Starts the built services and shops with them.

Usage: shop_e2e.py DIR     (DIR is the rg-out that holds services/cart/cart/cart and the others)
"""

import json
import os
import sys

from processes import Shop, equal, eventually, outbox, tell


def services_are_healthy(shop):
    for service in shop.services:
        equal(service.call("GET", "/healthz"), (200, {"service": service.name, "status": "ok"}), service.name)


def the_catalog_answers_what_the_shop_sells(shop):
    status, products = shop.catalog.call("GET", "/products")
    equal((status, [p["id"] for p in products]), (200, ["tea", "pot", "cup"]), "products")
    equal(shop.catalog.call("GET", "/products/gin"), (404, {"error": "no product gin"}), "an unknown product")


def a_cart_becomes_an_order_and_a_receipt(shop):
    status, cart = shop.cart.call("POST", "/carts")
    equal((status, cart["lines"]), (201, []), "a new cart")
    path = f"/carts/{cart['id']}"
    equal(shop.cart.call("POST", path + "/items", {"product_id": "gin", "quantity": 1})[0], 422, "an unknown product")
    shop.cart.call("POST", path + "/items", {"product_id": "tea", "quantity": 2})
    shop.cart.call("POST", path + "/items", {"product_id": "cup", "quantity": 1})
    equal(shop.cart.call("GET", path)[1]["total_cents"], 2150, "the total, at the catalog's prices")
    status, order = shop.cart.call("POST", path + "/checkout")
    equal((status, order["number"]), (201, 1), "the order")
    equal(shop.cart.call("GET", path)[0], 404, "the cart after checkout")
    receipt = os.path.join(shop.outbox, cart["id"] + ".txt")
    eventually(lambda: os.path.exists(receipt), "a receipt in the outbox")
    with open(receipt, encoding="utf-8") as file:
        text = file.read()
    for words in ("Order 1", "Porcelain cup", "21.50 EUR", "Thank you"):
        equal(words in text, True, f"{words!r} in the receipt\n{text}")


def metrics_count_what_happened(shop):
    metrics = shop.cart.call("GET", "/metrics")[1]
    for line in ("shop_revenue_cents_total 2150", 'route="/carts/{id}/checkout",status="201"} 1'):
        equal(line in metrics, True, f"{line} in\n{metrics}")
    # The receipt is in place a moment before it is counted.
    eventually(lambda: "shop_receipts_total 1" in shop.notify.call("GET", "/metrics")[1], "one receipt counted")


def what_was_ordered_together_is_recommended(shop):
    status, found = shop.recommend.call("GET", "/products/tea/recommendations")
    equal((status, [one["product"]["id"] for one in found]), (200, ["cup", "pot"]), "after an order of tea and a cup")
    equal(found[0]["text"], "both for 17.00 EUR", "its text")


def a_review_is_kept(shop):
    path = "/products/cup/reviews"
    review = {"product_id": "cup", "stars": 3, "text": "Thin."}
    equal(shop.reviews.call("POST", path, {"stars": 3, "text": "Thin."}), (201, review), "the new review")
    equal(shop.reviews.call("GET", path), (200, [review]), "all reviews of the cup")
    equal(shop.reviews.call("POST", path, {"stars": 6, "text": ""})[0], 400, "six stars")


def delivery_is_free_for_large_orders(shop):
    for total, price in ((900, 490), (5000, 0)):
        status, quote = shop.shipping.call("POST", "/quotes", {"total_cents": total})
        equal((status, quote["price_cents"]), (200, price), f"the delivery of goods for {total} cents")


def services_do_without_a_catalog(shop):
    equal(shop.catalog.stop(), 0, "exit code of the catalog")
    cart = shop.cart.call("POST", "/carts")[1]
    answer = shop.cart.call("POST", f"/carts/{cart['id']}/items", {"product_id": "tea", "quantity": 1})
    equal(answer[0], 502, "adding without a catalog")
    equal(shop.recommend.call("GET", "/products/tea/recommendations")[0], 502, "recommending without a catalog")


def services_stop_when_told(shop):
    for service in shop.services:
        equal(service.stop(), 0, f"exit code of {service.name}")
        equal(json.loads(service.log[-1])["msg"], "stopped", f"last words of {service.name}")


SENTENCES = [
    services_are_healthy,
    the_catalog_answers_what_the_shop_sells,
    a_cart_becomes_an_order_and_a_receipt,
    metrics_count_what_happened,
    what_was_ordered_together_is_recommended,
    a_review_is_kept,
    delivery_is_free_for_large_orders,
    services_do_without_a_catalog,
    services_stop_when_told,
]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with outbox() as directory:
        shop = Shop(sys.argv[1], directory)
        tell(SENTENCES, shop, shop.start, shop.stop)


if __name__ == "__main__":
    main()
