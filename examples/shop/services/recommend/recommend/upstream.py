"""The services that this one asks."""

from dataclasses import dataclass

import httpx

from shop.messages import read
from shop_api import ROUTE_ORDERS, ROUTE_PRODUCTS, Order, Product


@dataclass(frozen=True)
class Upstream:
    """The catalog and the cart service."""

    catalog: httpx.AsyncClient
    cart: httpx.AsyncClient

    async def products(self) -> list[Product]:
        answer = await self.catalog.get(ROUTE_PRODUCTS)
        return read(list[Product], answer.raise_for_status().content)

    async def orders(self) -> list[Order]:
        answer = await self.cart.get(ROUTE_ORDERS)
        return read(list[Order], answer.raise_for_status().content)
