"""The recommend service answers what else to look at beside a product."""

import os
import socket

import httpx
import uvicorn

from recommend.app import application
from recommend.upstream import Upstream
from shop import service


def serve(listener: socket.socket) -> None:
    upstream = Upstream(
        catalog=client(os.environ.get("CATALOG_URL", "http://127.0.0.1:8081")),
        cart=client(os.environ.get("CART_URL", "http://127.0.0.1:8080")),
    )
    config = uvicorn.Config(application(upstream), log_config=None, access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


def client(url: str) -> httpx.AsyncClient:
    # trust_env: inside the shop, nothing goes through a proxy.
    return httpx.AsyncClient(base_url=url, timeout=5, trust_env=False)


if __name__ == "__main__":
    service.main("recommend", ":8083", serve)
