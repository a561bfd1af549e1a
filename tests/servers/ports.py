"""Chooses loopback ports for servers that must be told one before they start."""

import random
import socket
from typing import Final

# Below the range the kernel takes outgoing ports from (32768 and up on Linux). A client that reconnects while its
# server is down could otherwise be given the server's own port, and connect to itself.
CHOICE: Final = range(20_000, 30_000)


def free_port() -> int:
    """A port nobody listens on at this moment."""
    for port in random.sample(CHOICE, k=100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise NoFreePortError(CHOICE)


class NoFreePortError(Exception):
    """A hundred tries in the range found every port taken."""

    def __init__(self, choice: range) -> None:
        super().__init__(choice)
        self.choice = choice
