#!/usr/bin/env python3
"""Starts the built services on free loopback ports and shops with them.

Usage: shop_e2e.py DIR     (DIR is the rg-out that holds services/cart/cart/cart and the others)
Needs nothing but Python's standard library. Stops what it started, by its process id.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

WAIT_SECONDS = 20


class Service:
    """One running service: its process, its log, the address it listens on."""

    def __init__(self, rg_out, name, **env):
        binary = os.path.join(rg_out, "services", name, name, name)
        inherited = {k: v for k, v in os.environ.items() if k not in ("PORT", "LOG_FORMAT")}
        self.name, self.log, self._lines = name, [], queue.Queue()
        self.process = subprocess.Popen(
            [os.path.abspath(binary), "-addr", "127.0.0.1:0"],
            env={**inherited, **env},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_until_listening(self):
        self.url = "http://" + self._until("listening")["addr"]

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line)
            self._lines.put(line)
        self._lines.put(None)

    def _until(self, message):
        while True:
            line = self._lines.get(timeout=WAIT_SECONDS)
            if line is None:
                raise AssertionError(f"{self.name} ended before it said {message!r}:\n" + "".join(self.log))
            record = json.loads(line)
            if record["msg"] == message:
                return record

    def call(self, method, path, body=None):
        """Returns the status and the decoded answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as response:
                return response.status, decoded(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, decoded(error)

    def stop(self):
        """Asks the process to end; kills it if it does not. Returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self._reader.join(timeout=WAIT_SECONDS)
        return code


def decoded(response):
    text = response.read().decode()
    return json.loads(text) if "json" in response.headers.get("Content-Type", "") else text


def equal(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


def eventually(question, what):
    """Asks until the answer is true. The worker under test polls, so this does too."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        if question():
            return
        time.sleep(0.02)
    raise AssertionError(f"did not happen in {WAIT_SECONDS} s: {what}")


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
    shop.cart.call("POST", path + "/items", {"product_id": "pot", "quantity": 1})
    equal(shop.cart.call("GET", path)[1]["total_cents"], 6800, "the total, at the catalog's prices")
    status, order = shop.cart.call("POST", path + "/checkout")
    equal((status, order["number"]), (201, 1), "the order")
    equal(shop.cart.call("GET", path)[0], 404, "the cart after checkout")
    receipt = os.path.join(shop.outbox, cart["id"] + ".txt")
    eventually(lambda: os.path.exists(receipt), "a receipt in the outbox")
    with open(receipt, encoding="utf-8") as file:
        text = file.read()
    for words in ("Order 1", "Cast iron teapot", "68.00 EUR", "Thank you"):
        equal(words in text, True, f"{words!r} in the receipt\n{text}")


def metrics_count_what_happened(shop):
    metrics = shop.cart.call("GET", "/metrics")[1]
    for line in ("shop_revenue_cents_total 6800", 'route="/carts/{id}/checkout",status="201"} 1'):
        equal(line in metrics, True, f"{line} in\n{metrics}")
    # The receipt is in place a moment before it is counted.
    eventually(lambda: "shop_receipts_total 1" in shop.notify.call("GET", "/metrics")[1], "one receipt counted")


def a_cart_without_a_catalog_says_so(shop):
    equal(shop.catalog.stop(), 0, "exit code of the catalog")
    cart = shop.cart.call("POST", "/carts")[1]
    answer = shop.cart.call("POST", f"/carts/{cart['id']}/items", {"product_id": "tea", "quantity": 1})
    equal(answer[0], 502, "adding without a catalog")


def services_stop_when_told(shop):
    for service in shop.services:
        equal(service.stop(), 0, f"exit code of {service.name}")
        equal(json.loads(service.log[-1])["msg"], "stopped", f"last words of {service.name}")


SENTENCES = [
    services_are_healthy,
    the_catalog_answers_what_the_shop_sells,
    a_cart_becomes_an_order_and_a_receipt,
    metrics_count_what_happened,
    a_cart_without_a_catalog_says_so,
    services_stop_when_told,
]


class Shop:
    """The three services, wired to each other."""

    def __init__(self, outbox):
        self.services, self.outbox = [], outbox

    def start(self, rg_out):
        self.catalog = self._start(rg_out, "catalog")
        self.cart = self._start(rg_out, "cart", CATALOG_URL=self.catalog.url)
        self.notify = self._start(rg_out, "notify", CART_URL=self.cart.url, OUTBOX=self.outbox, INTERVAL="50ms")

    def _start(self, rg_out, name, **env):
        service = Service(rg_out, name, **env)
        self.services.append(service)
        service.wait_until_listening()
        return service

    def stop(self):
        for service in self.services:
            service.stop()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    # Straight to the services, whatever proxy this machine uses for the outside.
    urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler({})))
    failed = 0
    with tempfile.TemporaryDirectory(prefix="shop-outbox-") as outbox:
        shop = Shop(outbox)
        try:
            shop.start(sys.argv[1])
            for sentence in SENTENCES:
                try:
                    sentence(shop)
                    print("ok     ", sentence.__name__.replace("_", " "), flush=True)
                except (AssertionError, OSError, KeyError) as error:
                    failed += 1
                    print("NOT OK ", sentence.__name__.replace("_", " "), "\n       ", error, flush=True)
        finally:
            shop.stop()
    print(f"{len(SENTENCES) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
