#!/usr/bin/env python3
"""Starts the built services, serves the built storefront, and shops with a headless Chromium.

Usage: browser_e2e.py DIR     (DIR is the rg-out that holds apps/storefront/storefront/dist and the services)
Wants chromium and chromedriver.
"""

import os
import sys

from front import Front
from processes import Shop, equal, outbox, tell
from webdriver import Browser

DESCRIPTION = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api", "shop.json")


class Visit:
    """A shop that is open, and a visitor's browser."""

    def __init__(self, rg_out, outbox):
        self.dist = os.path.join(rg_out, "apps", "storefront", "storefront", "dist")
        self.shop, self.parts = Shop(rg_out, outbox), []

    def begin(self):
        self.shop.start()
        self.front = Front(self.dist, DESCRIPTION, self.shop.services)
        self.parts.append(self.front.stop)
        self.browser = Browser()
        self.parts.append(self.browser.close)

    def end(self):
        for stop in reversed(self.parts):
            stop()
        self.shop.stop()


def the_storefront_shows_products_with_their_reviews(visit):
    visit.browser.open(visit.front.url)
    for words in ("Green tea, 100 g", "4.50 EUR", "(2)", "Good, but the bag is small."):
        visit.browser.wait_for(words, "#products article:nth-child(1)")
    equal("not rated yet" in visit.browser.text("#products article:nth-child(3)"), True, "the cup has no reviews")


def an_item_is_put_in_the_cart_and_seen(visit):
    visit.browser.wait_for("Nothing yet.", "#cart")
    visit.browser.click("#products [data-add=tea]")
    visit.browser.wait_for("1 × Green tea, 100 g, 4.50 EUR", "#cart .lines")
    equal(visit.browser.text("#cart .delivery"), "Delivery 4.90 EUR, free for 45.50 EUR more", "the delivery")
    equal(visit.browser.text("#cart .total"), "Total 9.40 EUR", "the total")


def what_goes_well_with_it_is_one_click_away(visit):
    equal(visit.browser.text("#cart .beside li"), "Cast iron teapot both for 63.50 EUR", "beside tea")
    visit.browser.click("#cart [data-add=pot]")
    visit.browser.wait_for("1 × Cast iron teapot, 59.00 EUR", "#cart .lines")
    equal(visit.browser.text("#cart .delivery"), "Free delivery", "the delivery of a large order")


def the_cart_becomes_an_order(visit):
    visit.browser.click("#cart [data-checkout]")
    visit.browser.wait_for("Your order has the number 1.", "#cart")
    orders = visit.shop.cart.call("GET", "/orders")[1]
    equal([order["cart"]["total_cents"] for order in orders], [6350], "what the cart service has")


def the_browser_did_not_complain(visit):
    equal(visit.browser.complaints(), [], "errors on the console")


SENTENCES = [
    the_storefront_shows_products_with_their_reviews,
    an_item_is_put_in_the_cart_and_seen,
    what_goes_well_with_it_is_one_click_away,
    the_cart_becomes_an_order,
    the_browser_did_not_complain,
]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with outbox() as directory:
        visit = Visit(sys.argv[1], directory)
        tell(SENTENCES, visit, visit.begin, visit.end)


if __name__ == "__main__":
    main()
