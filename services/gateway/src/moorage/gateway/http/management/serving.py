"""Serves what the resources declare, and the document that says so."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

from moorage.gateway.http.management.answers import answer, next_page
from moorage.gateway.http.management.api import ManagementApi
from moorage.gateway.http.management.audit import AuditTrail
from moorage.gateway.http.management.callers import Callers
from moorage.gateway.http.management.content import DeletedContent
from moorage.gateway.http.management.decisions import Decisions
from moorage.gateway.http.management.document import PLACE, document
from moorage.gateway.http.management.images import Images
from moorage.gateway.http.management.insight import Insight
from moorage.gateway.http.management.operation import ROOT, Operation, Reply, operations_of
from moorage.gateway.http.management.published import published
from moorage.gateway.http.management.reading import read_body, read_members, read_query
from moorage.gateway.http.management.sync import Sync
from moorage.gateway.http.management.tokens import Tokens
from moorage.gateway.http.management.workspaces import Workspaces

RESOURCES: Final = (Images, DeletedContent, Workspaces, Tokens, Decisions, Insight, Sync, AuditTrail)


def operations() -> list[Operation]:
    """All there are."""
    return [declared for resource in RESOURCES for _, declared in operations_of(resource)]


def add_management(app: web.Application, api: ManagementApi, callers: Callers) -> None:
    """Adds a route for each operation of every resource, and one for the document."""
    for resource in RESOURCES:
        served = resource(api)
        for name, declared in operations_of(resource):
            _route(app, declared.method)(ROOT + declared.path, _handler(declared, getattr(served, name), callers))
    app.router.add_get(PLACE, published(document(operations())))


def _route(app: web.Application, method: str) -> Callable[[str, Handler], object]:
    """HEAD is answered where GET is."""
    return app.router.add_get if method == "GET" else partial(app.router.add_route, method)


def _handler(declared: Operation, handle: Callable[..., Awaitable[Reply[Any]]], callers: Callers) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        who = await callers.identify(request, anonymous=declared.anonymous)
        asked: dict[str, Any] = {**read_members(request, declared.members)}
        if declared.query:
            asked["query"] = read_query(request, declared.query)
        if declared.body:
            asked["body"] = await read_body(request, declared.body)
        reply = await handle(who, **asked)
        link = next_page(request, declared.query, reply.body) if declared.query and declared.paged else {}
        return answer(reply.body, declared.status, {**link, **reply.headers})

    return serve
