"""The routes of the service."""

from flask import Flask, Response, request

from reviews.store import Store
from shop.messages import read, write
from shop_api import ROUTE_REVIEWS, AddReview, Problem


def application(store: Store) -> Flask:
    app = Flask("reviews")
    reviews = ROUTE_REVIEWS.replace("{", "<").replace("}", ">")  # as Flask writes placeholders

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"service": "reviews", "status": "ok"}

    @app.get(reviews)
    def of(id: str) -> Response:
        return answer(200, store.of(id))

    @app.post(reviews)
    def add(id: str) -> Response:
        return answer(201, store.add(id, read(AddReview, request.get_data())))

    @app.errorhandler(ValueError)
    def refused(error: ValueError) -> Response:
        return answer(400, Problem(str(error)))

    return app


def answer(status: int, message: object) -> Response:
    return Response(write(message), status, content_type="application/json")
