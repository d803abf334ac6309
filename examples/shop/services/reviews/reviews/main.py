"""The reviews service keeps what customers say of the products."""

import socket

import waitress

from reviews.app import application
from reviews.store import Store
from shop import service


def serve(listener: socket.socket) -> None:
    waitress.create_server(application(Store()), sockets=[listener]).run()


if __name__ == "__main__":
    service.main("reviews", ":8084", serve)
