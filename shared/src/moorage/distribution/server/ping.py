"""`/v2/`: whether this is a registry, and whether the credential shown is valid (end-1, R1)."""

from typing import Final

from aiohttp import web

from moorage.distribution import paths
from moorage.distribution.server import answers
from moorage.distribution.server.registry import Methods, Registry


async def get(registry: Registry, request: web.Request, _place: paths.Ping) -> web.StreamResponse:
    """200 and an empty document; the gate answers 401 to everyone else."""
    await registry.gate.ping(request)
    return answers.raw(b"{}", "application/json")


METHODS: Final[Methods[paths.Ping]] = {"GET": get, "HEAD": get}
