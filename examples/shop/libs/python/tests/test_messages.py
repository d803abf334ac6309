import pytest

from shop.messages import Malformed, read, write
from shop_api import AddReview, Order

ORDER = (
    b'{"number":3,"cart":{"id":"8f14e45f-ceea-467f-a8f5-1f2b9c1d0e3a",'
    b'"lines":[{"product":{"id":"tea","name":"Green tea","price_cents":450},"quantity":2}],"total_cents":900}}'
)


def test_a_message_survives_the_journey():
    order = read(Order, ORDER)
    assert order.cart.lines[0].product.price_cents == 450
    assert write(order) == ORDER


@pytest.mark.parametrize("text", [b"", b"[]", b'{"stars":"many","text":""}', b'{"stars":5}'])
def test_what_is_no_review_is_refused(text):
    with pytest.raises(Malformed):
        read(AddReview, text)


def test_a_refusal_says_where():
    with pytest.raises(Malformed, match="stars"):
        read(AddReview, b'{"stars":"many","text":""}')
