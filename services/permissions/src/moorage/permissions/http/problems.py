"""Refusals as RFC 9457 problems, in one place."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

from moorage.access.problems import BodyTooLarge, Problem, ServiceUnavailable
from moorage.distribution.headers import DECISION_ID
from moorage.permissions.metrics import ProtocolNumbers

NUMBERS: Final = web.AppKey("moorage.numbers", ProtocolNumbers)
"""Where requests are counted that could not be answered."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RETRY_AFTER_SECONDS: Final = "5"
_log: Final = structlog.stdlib.get_logger(__name__)


@web.middleware
async def render_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers a Problem as its document; anything unforeseen is logged and answered 500 without detail."""
    try:
        return await handler(request)
    except Problem as problem:
        if isinstance(problem, ServiceUnavailable):
            request.app[NUMBERS].unavailable.labels(problem.members.get("reason", "database")).inc()
        return _rendered(problem)
    except web.HTTPRequestEntityTooLarge:
        return _rendered(BodyTooLarge("the body is larger than this route takes"))
    except (web.HTTPException, web.RequestPayloadError, ConnectionError):
        raise  # the runtime answers a broken body, and tells nobody who has gone
    except Exception:  # a bug of ours: whoever asked learns nothing of it (R145)
        _log.exception("A request failed", method=request.method, path=request.path)
        return _rendered(Problem("the failure has been logged"))


def _rendered(problem: Problem) -> web.Response:
    response = web.json_response(problem.body(), status=problem.status, content_type="application/problem+json")
    response.headers["Cache-Control"] = "no-store"
    if problem.decision is not None:
        response.headers[DECISION_ID] = str(problem.decision)
    if isinstance(problem, ServiceUnavailable):
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="moorage internal"'
    return response
