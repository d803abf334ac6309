"""A headless Chromium, driven through chromedriver's HTTP interface (W3C WebDriver)."""

import os
import re
import shutil
import subprocess
import tempfile

from processes import WAIT_SECONDS, call, eventually

# Debian's /usr/bin/chromium is a script that wants its files in /etc, which a sandbox does not show.
CHROMIUM = "/usr/lib/chromium/chromium"

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
]

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # how WebDriver marks a reference to an element


class Browser:
    """One browser with a profile of its own, and what a visitor does with it."""

    def __init__(self):
        self._profile = tempfile.TemporaryDirectory(prefix="shop-browser-", ignore_cleanup_errors=True)
        self._driver = subprocess.Popen(
            ["chromedriver", "--port=0"],
            env={**os.environ, "HOME": self._profile.name},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._session = None
        try:
            self._session = self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self):
        """Returns the address of a new session, which is a new browser."""
        words = (re.search(r"successfully on port (\d+)", line) for line in self._driver.stdout)
        port = next(found[1] for found in words if found)
        options = {
            "binary": CHROMIUM if os.path.exists(CHROMIUM) else shutil.which("chromium"),
            "args": [*FLAGS, "--user-data-dir=" + os.path.join(self._profile.name, "profile")],
        }
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        sessions = f"http://127.0.0.1:{port}/session"
        answer = value(call("POST", sessions, {"capabilities": {"alwaysMatch": wanted}}))
        return f"{sessions}/{answer['sessionId']}"

    def open(self, url):
        self._do("POST", "/url", {"url": url})

    def text(self, selector):
        """Returns what a visitor reads at a CSS selector; "" if nothing is there."""
        script = "return document.querySelector(arguments[0])?.innerText ?? ''"
        return self._do("POST", "/execute/sync", {"script": script, "args": [selector]})

    def wait_for(self, words, selector):
        eventually(lambda: words in self.text(selector), f"{words!r} at {selector}; it has {self.text(selector)!r}")

    def click(self, selector):
        element = self._do("POST", "/element", {"using": "css selector", "value": selector})
        self._do("POST", f"/element/{element[ELEMENT]}/click", {})

    def complaints(self):
        """Returns what the browser wrote to its console as errors since the last time."""
        entries = self._do("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def close(self):
        try:
            if self._session is not None:
                call("DELETE", self._session)
        finally:
            self._driver.terminate()
            self._driver.wait(timeout=WAIT_SECONDS)
            self._driver.stdout.close()
            self._profile.cleanup()

    def _do(self, method, path, body):
        return value(call(method, self._session + path, body))


def value(answer):
    status, body = answer
    if status != 200:
        raise AssertionError(f"chromedriver: {body['value']['error']}: {body['value']['message'].splitlines()[0]}")
    return body["value"]
