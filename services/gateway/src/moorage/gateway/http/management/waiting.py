"""`?wait=all` on whatever changes something: answered once every gateway enforces it (authorization.md §3.6)."""

import json
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from moorage.access.problems import InputInvalid, ServiceUnavailable
from moorage.access.sync_wire import MOST_WAIT_SECONDS, AwaitFleetRequest, FleetProgress
from moorage.distribution.headers import AUTHZ_TOKEN, DECISION_ID
from moorage.gateway.http.management.problems import PREFIX
from moorage.gateway.ports import Authority

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def waiting_for_all(authority: Authority) -> Middleware:
    """A middleware inside the one that renders problems."""

    @web.middleware
    async def wait(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(PREFIX) or not _wanted(request):
            return await handler(request)
        response = await handler(request)
        token = response.headers.get(AUTHZ_TOKEN)
        if token is None or not isinstance(response, web.Response):
            return response
        progress = await _progress(authority, token)
        return response if progress.reached else _accepted(response, progress)

    return wait


async def _progress(authority: Authority, token: str) -> FleetProgress:
    """How far the fleet is after the wait. If nobody can tell, nobody is known to enforce the change: it is made."""
    try:
        return await authority.await_fleet(AwaitFleetRequest(token=token, seconds=MOST_WAIT_SECONDS))
    except ServiceUnavailable:
        return FleetProgress(token=token, reached=False, minimum=None, confirmed=[], waiting=[])


def _wanted(request: web.Request) -> bool:
    """Raises InputInvalid for another value than `all`: nothing is changed then."""
    if "wait" not in request.query or request.method in _READS:
        return False
    if request.query.getall("wait") != ["all"]:
        raise InputInvalid("wait is all", errors=[{"at": "wait", "message": "is all"}])
    return True


def _accepted(response: web.Response, progress: FleetProgress) -> web.Response:
    """202 with the progress, and what would have been the answer as `result`: a secret is shown only once."""
    body: dict[str, Any] = {"progress": progress.model_dump(mode="json")}
    if isinstance(response.body, bytes) and response.body:
        body["result"] = json.loads(response.body)
    kept = ("Location", "ETag", AUTHZ_TOKEN, DECISION_ID)
    headers = {name: response.headers[name] for name in kept if name in response.headers}
    return web.json_response(body, status=202, headers={"Cache-Control": "no-store", **headers})
