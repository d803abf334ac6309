"""Keeps reviews for as long as the process lives."""

from importlib.resources import files
from threading import Lock

from shop.messages import read
from shop_api import AddReview, Review


class Store:
    """The reviews, oldest first. Begins with those that are shipped with the service."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._reviews = read(list[Review], files("reviews").joinpath("seed.json").read_bytes())

    def of(self, product_id: str) -> list[Review]:
        with self._lock:
            return [review for review in self._reviews if review.product_id == product_id]

    def add(self, product_id: str, said: AddReview) -> Review:
        if not 1 <= said.stars <= 5:
            raise ValueError("stars: want 1 to 5")
        review = Review(product_id, said.stars, said.text)
        with self._lock:
            self._reviews.append(review)
        return review
