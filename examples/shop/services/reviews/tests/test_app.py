import pytest

from reviews.app import application
from reviews.store import Store
from shop.routes import path
from shop_api import ROUTE_REVIEWS

TEA, CUP = path(ROUTE_REVIEWS, "tea"), path(ROUTE_REVIEWS, "cup")


@pytest.fixture
def client():
    return application(Store()).test_client()


def test_the_shop_opens_with_reviews(client):
    assert [review["stars"] for review in client.get(TEA).json] == [5, 4]
    assert client.get(CUP).json == []


def test_a_review_is_kept_for_its_product(client):
    review = {"product_id": "cup", "stars": 3, "text": "Thin."}
    answer = client.post(CUP, json={"stars": 3, "text": "Thin."})
    assert (answer.status_code, answer.json) == (201, review)
    assert client.get(CUP).json == [review]
    assert len(client.get(TEA).json) == 2


@pytest.mark.parametrize("body", [{"stars": 6, "text": ""}, {"stars": "many", "text": ""}, {"text": "?"}])
def test_what_is_no_review_is_refused(client, body):
    answer = client.post(CUP, json=body)
    assert answer.status_code == 400 and "stars" in answer.json["error"]


def test_health(client):
    assert client.get("/healthz").json == {"service": "reviews", "status": "ok"}
