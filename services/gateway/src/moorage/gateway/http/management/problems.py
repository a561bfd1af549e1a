"""Refusals of the management API as RFC 9457 documents, rendered in one place."""

import json
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from pydantic import ValidationError

from moorage.access.problems import (
    BodyTooLarge,
    CredentialUnknown,
    Forbidden,
    InputInvalid,
    NotFound,
    Problem,
    ServiceUnavailable,
)
from moorage.access.reason import Reason
from moorage.distribution.headers import DECISION_ID
from moorage.gateway.http.body import BodyRefused
from moorage.oci import errors as oci

PREFIX = "/api/"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class TooManyRequests(Problem):
    """A limit on the rate of requests was reached; try again after `Retry-After` seconds."""

    slug, status, title = "too-many-requests", 429, "Too many requests"


class MethodNotAllowed(Problem):
    """The path exists, and this method has no meaning there."""

    slug, status, title = "method-not-allowed", 405, "The method has no meaning here"


@web.middleware
async def render_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers every failure under `/api/` as a problem document; other paths are none of its business."""
    if not request.path.startswith(PREFIX):
        return await handler(request)
    try:
        return await handler(request)
    except (Problem, ValidationError, BodyRefused, oci.RegistryError, web.HTTPException) as error:
        problem = _problem(error)
        if isinstance(error, Problem):
            problem.decision = error.decision
        return _response(problem, request)
    except ConnectionError:
        raise
    except Exception:  # the last line of defence: a bug is logged with the request's id and told without detail
        structlog.get_logger().exception("A request of the management API failed.", path=request.path)
        return _response(Problem("the failure is logged with the request's id"), request)


def invalid(error: ValidationError) -> InputInvalid:
    """What breaks the schema, and where; the input itself is not repeated."""
    errors = [{"at": ".".join(map(str, entry["loc"])), "message": entry["msg"]} for entry in error.errors()]
    return InputInvalid("the request breaks the schema", errors=errors)


def _problem(error: Exception) -> Problem:
    match error:
        case Forbidden(members={"reason": Reason.UNAUTHENTICATED}):
            return CredentialUnknown("log in: send a personal token as Basic password or as Bearer")
        case Problem():
            return error
        case ValidationError():
            return invalid(error)
        case BodyRefused(status=413):
            return BodyTooLarge(str(error))
        case BodyRefused():
            problem: Problem = InputInvalid(str(error), errors=[])
            problem.status = error.status
            return problem
        case oci.Unavailable():
            return ServiceUnavailable(error.message)
        case oci.TooManyRequests():
            return TooManyRequests(error.message)
        case oci.NameInvalid():
            return InputInvalid(error.message, errors=[{"at": "name", "message": error.message}])
        case web.HTTPNotFound():
            return NotFound("this path is not one of the management API")
        case web.HTTPMethodNotAllowed():
            return MethodNotAllowed(f"allowed: {', '.join(sorted(error.allowed_methods))}")
        case web.HTTPException():
            return _plain(error)
    return Problem("the failure is logged with the request's id")


def _plain(error: web.HTTPException) -> Problem:
    problem = Problem(error.reason)
    problem.status = error.status
    return problem


def _response(problem: Problem, request: web.Request) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="moorage", charset="UTF-8"'
    if problem.decision is not None:
        headers[DECISION_ID] = str(problem.decision)
    if problem.status in (429, 503):
        headers["Retry-After"] = "60" if problem.status == 429 else "5"
    body = json.dumps(problem.body() | {"instance": request.path}).encode()
    return web.Response(body=body, status=problem.status, content_type="application/problem+json", headers=headers)
