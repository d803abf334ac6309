import asyncio
import json

import httpx

from recommend.app import application
from recommend.upstream import Upstream
from shop.routes import path
from shop_api import ROUTE_PRODUCTS, ROUTE_RECOMMENDATIONS

PRODUCTS = [{"id": id, "name": id.title(), "price_cents": 100} for id in ("tea", "pot", "cup")]


def client(answer) -> httpx.AsyncClient:
    """Returns a client of a service that answers what `answer` returns."""
    return httpx.AsyncClient(base_url="http://upstream", transport=httpx.MockTransport(answer))


def catalog(request: httpx.Request) -> httpx.Response:
    assert request.url.path == ROUTE_PRODUCTS
    return httpx.Response(200, json=PRODUCTS)


def broken(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(500)


def ask(url: str, upstream: Upstream) -> tuple[int, object]:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(application(upstream))
        async with httpx.AsyncClient(base_url="http://recommend", transport=transport) as here:
            return await here.get(url)

    answer = asyncio.run(asked())
    return answer.status_code, json.loads(answer.content)


def test_recommendations_do_without_the_cart_service():
    status, found = ask(path(ROUTE_RECOMMENDATIONS, "tea"), Upstream(client(catalog), client(broken)))
    assert status == 200
    assert [(one["product"]["id"], one["text"]) for one in found] == [
        ("pot", "both for 2.00 EUR"),
        ("cup", "both for 2.00 EUR"),
    ]


def test_nothing_goes_with_an_unknown_product():
    assert ask(path(ROUTE_RECOMMENDATIONS, "gin"), Upstream(client(catalog), client(broken))) == (200, [])


def test_a_broken_catalog_is_a_bad_gateway():
    status, problem = ask(path(ROUTE_RECOMMENDATIONS, "tea"), Upstream(client(broken), client(broken)))
    assert status == 502 and "catalog" in problem["error"]


def test_health():
    assert ask("/healthz", Upstream(client(broken), client(broken))) == (200, {"service": "recommend", "status": "ok"})
