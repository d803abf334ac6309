"""One address for the browser, as an ingress gives it: the built storefront, and behind it the services.

Which service answers a route is written in api/shop.json.
"""

import json
import re
import threading
import urllib.error
import urllib.request
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from processes import OPENER, WAIT_SECONDS


class Front:
    """A server on a free loopback port."""

    def __init__(self, dist, description, services):
        with open(description, encoding="utf-8") as file:
            routes = json.load(file)["routes"]
        urls = {service.name: service.url for service in services}
        handler = partial(Handler, directory=dist)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.routes = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", pattern)), urls[service])
            for service, patterns in routes.items()
            for pattern in patterns.values()
        ]
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


class Handler(SimpleHTTPRequestHandler):
    """Files, unless a route of the shop says otherwise."""

    def do_GET(self):
        if service := self.service():
            self.forward(service)
        else:
            super().do_GET()

    def do_POST(self):
        if service := self.service():
            self.forward(service)
        else:
            self.send_error(404)

    def service(self):
        path = self.path.partition("?")[0]
        return next((url for pattern, url in self.server.routes if pattern.fullmatch(path)), None)

    def forward(self, service):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))) if self.command == "POST" else None
        headers = {"Content-Type": self.headers.get("Content-Type", "application/json")}
        request = urllib.request.Request(service + self.path, data=body, method=self.command, headers=headers)
        try:
            with OPENER.open(request, timeout=WAIT_SECONDS) as answer:
                self.answer(answer)
        except urllib.error.HTTPError as error:
            with error:
                self.answer(error)
        except urllib.error.URLError as error:
            self.send_error(502, str(error.reason))

    def answer(self, answer):
        body = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers.get("Content-Type", "text/plain"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
