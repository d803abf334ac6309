"""The routes of the service."""

import logging

import httpx
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from recommend.ranking import beside
from recommend.upstream import Upstream
from shop.money import format_cents
from shop_api import ROUTE_RECOMMENDATIONS, Order, Product, Recommendation

LIMIT = 2

log = logging.getLogger("recommend")


def application(upstream: Upstream) -> FastAPI:
    app = FastAPI(title="recommend")

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"service": "recommend", "status": "ok"}

    @app.get(ROUTE_RECOMMENDATIONS)
    async def recommendations(id: str) -> list[Recommendation]:
        products = await upstream.products()
        this = next((product for product in products if product.id == id), None)
        if this is None:
            return []
        return [recommendation(this, other) for other in beside(id, products, await orders(upstream), LIMIT)]

    @app.exception_handler(httpx.HTTPError)
    async def without_catalog(_request: object, error: httpx.HTTPError) -> JSONResponse:
        return JSONResponse({"error": f"the catalog: {error}"}, status_code=502)

    return app


def recommendation(this: Product, other: Product) -> Recommendation:
    return Recommendation(other, f"both for {format_cents(this.price_cents + other.price_cents)}")


async def orders(upstream: Upstream) -> list[Order]:
    """Returns the orders so far. Without the cart service there still is something to recommend."""
    try:
        return await upstream.orders()
    except httpx.HTTPError as error:
        log.warning("asking for orders", extra={"fields": {"error": str(error)}})
        return []
