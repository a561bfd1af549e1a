"""Mounts the distribution API on an application: one route, because the framework's router decodes paths (R5)."""

from typing import Final, TypeVar

from aiohttp import web

from moorage.distribution import paths
from moorage.distribution.content import Content
from moorage.distribution.errors import render_registry_errors
from moorage.distribution.gate import Gate, place_of
from moorage.distribution.server import blobs, manifests, ping, referrers, tags, uploads
from moorage.distribution.server.body import expect_continue
from moorage.distribution.server.limits import Limits
from moorage.distribution.server.registry import Handler, Methods, Registry
from moorage.oci.errors import Unsupported

P = TypeVar("P")
DEFAULT_LIMITS: Final = Limits()


def add_distribution(app: web.Application, gate: Gate, content: Content, limits: Limits = DEFAULT_LIMITS) -> None:
    """Serves the distribution API under `/v2/`. Every failure there is answered in the specification's form."""
    registry = Registry(gate, content, limits)

    async def dispatch(request: web.Request) -> web.StreamResponse:
        return await _answer(registry, request)

    async def serve(request: web.Request) -> web.StreamResponse:
        return await render_registry_errors(request, dispatch)

    app.router.add_route("*", "/v2", serve)
    app.router.add_route("*", "/v2/{tail:(?s:.*)}", serve, expect_handler=expect_continue)


async def _answer(registry: Registry, request: web.Request) -> web.StreamResponse:
    match place := place_of(request, registry.limits.max_name):
        case paths.Ping():
            return await _method(ping.METHODS, request)(registry, request, place)
        case paths.Blob():
            return await _method(blobs.METHODS, request)(registry, request, place)
        case paths.Manifest():
            return await _method(manifests.METHODS, request)(registry, request, place)
        case paths.Uploads():
            return await _method(uploads.UPLOADS, request)(registry, request, place)
        case paths.Upload():
            return await _method(uploads.UPLOAD, request)(registry, request, place)
        case paths.Tags():
            return await _method(tags.METHODS, request)(registry, request, place)
        case paths.Referrers():
            return await _method(referrers.METHODS, request)(registry, request, place)


def _method(methods: Methods[P], request: web.Request) -> Handler[P]:
    handler = methods.get(request.method)
    if handler is None:
        allowed = ", ".join(methods)
        raise Unsupported(f"{request.method} has no meaning here; allowed: {allowed}", headers={"Allow": allowed})
    return handler
