"""The shop as it was built: starts its services on free loopback ports, asks them, stops them by their process ids.

Needs nothing but Python's standard library.
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

WAIT_SECONDS = 30

# Straight to the services, whatever proxy this machine uses for the outside.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Service:
    """One running service: its process, its log, the address it listens on."""

    def __init__(self, rg_out, name, **env):
        program = os.path.join(rg_out, "services", name, name, name)
        inherited = {k: v for k, v in os.environ.items() if k not in ("PORT", "LOG_FORMAT")}
        self.name, self.log, self._lines = name, [], queue.Queue()
        self.process = subprocess.Popen(
            [os.path.abspath(program), "--addr", "127.0.0.1:0"],
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
            record = read_json(line)
            if record.get("msg") == message:
                return record

    def call(self, method, path, body=None):
        """Returns the status and the decoded answer."""
        return call(method, self.url + path, body)

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


class Shop:
    """All services, wired to each other."""

    def __init__(self, rg_out, outbox):
        self.rg_out, self.outbox, self.services = rg_out, outbox, []

    def start(self):
        self.catalog = self._start("catalog")
        self.cart = self._start("cart", CATALOG_URL=self.catalog.url)
        self.notify = self._start("notify", CART_URL=self.cart.url, OUTBOX=self.outbox, INTERVAL="50ms")
        self.recommend = self._start("recommend", CATALOG_URL=self.catalog.url, CART_URL=self.cart.url)
        self.reviews = self._start("reviews")
        self.shipping = self._start("shipping")

    def _start(self, name, **env):
        service = Service(self.rg_out, name, **env)
        self.services.append(service)
        service.wait_until_listening()
        return service

    def stop(self):
        for service in self.services:
            service.stop()


def call(method, url, body=None):
    """Returns the status and the decoded answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"})
    try:
        with OPENER.open(request, timeout=WAIT_SECONDS) as response:
            return response.status, decoded(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, decoded(error)


def decoded(response):
    text = response.read().decode()
    return json.loads(text) if "json" in response.headers.get("Content-Type", "") else text


def read_json(line):
    """Returns a log record; a line that is none, as a runtime's warning, is an empty one."""
    try:
        return json.loads(line)
    except ValueError:
        return {}


def equal(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


def eventually(question, what):
    """Asks until the answer is true, and returns it. What is under test polls or draws, so this polls too."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(0.02)
    raise AssertionError(f"did not happen in {WAIT_SECONDS} s: {what}")


def tell(sentences, stage, start, stop):
    """Runs the sentences on a stage, between start and stop, prints how each went, and ends the program."""
    failed = 0
    try:
        start()
        for sentence in sentences:
            words = sentence.__name__.replace("_", " ")
            try:
                sentence(stage)
                print("ok     ", words, flush=True)
            except (AssertionError, OSError, LookupError) as error:
                failed += 1
                print("NOT OK ", words, "\n       ", error, flush=True)
    finally:
        stop()
    print(f"{len(sentences) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def outbox():
    """Returns a temporary directory for receipts."""
    return tempfile.TemporaryDirectory(prefix="shop-outbox-")
