"""The routes of the service."""

import logging

import httpx
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from recommend.ranking import beside
from recommend.upstream import Upstream
from shop_api import ROUTE_RECOMMENDATIONS, Order, Product

LIMIT = 2

log = logging.getLogger("recommend")


def application(upstream: Upstream) -> FastAPI:
    app = FastAPI(title="recommend")

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"service": "recommend", "status": "ok"}

    @app.get(ROUTE_RECOMMENDATIONS)
    async def recommendations(id: str) -> list[Product]:
        return beside(id, await upstream.products(), await orders(upstream), LIMIT)

    @app.exception_handler(httpx.HTTPError)
    async def without_catalog(_request: object, error: httpx.HTTPError) -> JSONResponse:
        return JSONResponse({"error": f"the catalog: {error}"}, status_code=502)

    return app


async def orders(upstream: Upstream) -> list[Order]:
    """Returns the orders so far. Without the cart service there still is something to recommend."""
    try:
        return await upstream.orders()
    except httpx.HTTPError as error:
        log.warning("asking for orders", extra={"fields": {"error": str(error)}})
        return []
