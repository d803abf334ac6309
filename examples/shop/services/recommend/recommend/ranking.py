"""What goes with a product. It knows no network."""

from collections import Counter
from collections.abc import Iterable

from shop_api import Order, Product


def beside(product_id: str, products: list[Product], orders: Iterable[Order], limit: int) -> list[Product]:
    """Returns other products: those most often ordered together with this one first, then as the catalog has them."""
    together: Counter[str] = Counter()
    for order in orders:
        ids = {line.product.id for line in order.cart.lines}
        if product_id in ids:
            together.update(ids)
    others = [product for product in products if product.id != product_id]
    return sorted(others, key=lambda product: -together[product.id])[:limit]
