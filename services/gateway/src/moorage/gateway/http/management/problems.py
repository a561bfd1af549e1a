"""Refusals of the management API as RFC 9457 documents, rendered in one place."""

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

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
    TooManyRequests,
)
from moorage.access.reason import Reason
from moorage.distribution.headers import DECISION_ID
from moorage.gateway.http.body import BodyRefused
from moorage.oci import errors as oci

PREFIX = "/api/"
MEDIA_TYPE: Final = "application/problem+json"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class MethodNotAllowed(Problem):
    """The path exists, and this method has no meaning there; `Allow` lists those that have one."""

    slug, status, title = "method-not-allowed", 405, "The method has no meaning here"

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = ", ".join(sorted(allowed))
        super().__init__(f"allowed: {self.allowed}")


class BodyMalformed(Problem):
    """The body is no JSON object that every parser reads alike, or it ends too early."""

    slug, status, title = "body-malformed", 400, "The body can't be read"


class BodyTooSlow(Problem):
    """The body did not arrive in time."""

    slug, status, title = "body-too-slow", 408, "The body did not arrive in time"


class BodyTypeUnsupported(Problem):
    """The body is not `application/json`, or is compressed."""

    slug, status, title = "body-type-unsupported", 415, "The body is of a type that is not read"


BODY_PROBLEMS: Final = (BodyMalformed, BodyTooSlow, BodyTooLarge, BodyTypeUnsupported)
_OF_BODIES: Final[dict[int, type[Problem]]] = {kind.status: kind for kind in BODY_PROBLEMS}


class PlainStatus(Problem):
    """A failure of HTTP itself, of which the status says all (RFC 9457 §4.2.1)."""

    def __init__(self, error: web.HTTPException) -> None:
        super().__init__(error.reason)
        self.status = error.status
        self.title = error.reason

    def body(self) -> dict[str, Any]:
        """The problem document."""
        return super().body() | {"type": "about:blank"}


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
        pause = error.headers.get("Retry-After") if isinstance(error, oci.RegistryError) else None
        return _response(problem, request, pause)
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
        case BodyRefused():
            return _OF_BODIES[error.status](str(error))
        case oci.Unavailable():
            return ServiceUnavailable(error.message)
        case oci.TooManyRequests():
            return TooManyRequests(error.message)
        case oci.NameInvalid():
            return InputInvalid(error.message, errors=[{"at": "name", "message": error.message}])
        case oci.RegistryError() if error.status < 500:
            return InputInvalid(error.message, errors=[])
        case web.HTTPNotFound():
            return NotFound("this path is not one of the management API")
        case web.HTTPMethodNotAllowed():
            return MethodNotAllowed(error.allowed_methods)
        case web.HTTPException():
            return PlainStatus(error)
    return Problem("the failure is logged with the request's id")


def _response(problem: Problem, request: web.Request, pause: str | None = None) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="moorage", charset="UTF-8"'
    if isinstance(problem, MethodNotAllowed):
        headers["Allow"] = problem.allowed
    if problem.decision is not None:
        headers[DECISION_ID] = str(problem.decision)
    if problem.status in (429, 503):
        headers["Retry-After"] = pause or ("60" if problem.status == 429 else "5")
    body = json.dumps(problem.body() | {"instance": request.rel_url.raw_path}).encode()
    return web.Response(body=body, status=problem.status, content_type=MEDIA_TYPE, headers=headers)
