"""What every request to a server of ours gets: an id, limits on its head, and one line in the log."""

import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Final

import structlog
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from moorage.runtime.masking import masked_text, one_line, shown_query
from moorage.runtime.metrics import HttpMetrics
from moorage.runtime.request_lines import EVENT, LOGGER, request_lines

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REQUEST_ID: Final = web.RequestKey("moorage.request_id", str)
"""The id of a request: in every log line, in the answer's `X-Request-Id`, and passed on to our other services."""

LISTENER: Final = web.AppKey("moorage.listener", str)
METRICS: Final = web.AppKey("moorage.http_metrics", HttpMetrics)

REQUEST_ID_HEADER: Final = "X-Request-Id"
SERVER: Final = "moorage"
"""What `Server` says: no version of anything, of ours or of what we are built on."""
MAX_HEADER_BLOCK_BYTES: Final = 64 * 1024
_SANE_ID: Final = re.compile(r"[0-9A-Za-z._-]{1,64}")
_MAX_AGENT: Final = 200

STDLIB_LOGGER: Final = logging.getLogger(LOGGER)
"""aiohttp asks for one where an access log class is set; it says whether anybody wants the lines."""

_log: Final = structlog.stdlib.get_logger(LOGGER)


def instrument(app: web.Application, listener: str, metrics: HttpMetrics) -> None:
    """Gives each request of `app` an id, and counts and logs it under the listener's name. Before the app is served."""
    app[LISTENER] = listener
    app[METRICS] = metrics
    app.middlewares.insert(0, identify)
    app.on_response_prepare.append(_name_the_request)


@web.middleware
async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Takes a sane `X-Request-Id` or makes one and binds it to all log lines.

    Answers 431 to a head too large (R135), and 400 to a body that needs more than its chunks put together (R134, R137).
    """
    given = request.headers.get(REQUEST_ID_HEADER, "")
    request[REQUEST_ID] = given if given and _SANE_ID.fullmatch(given) else secrets.token_hex(16)
    structlog.contextvars.bind_contextvars(request_id=request[REQUEST_ID])
    if sum([len(name) + len(value) + 4 for name, value in request.raw_headers]) > MAX_HEADER_BLOCK_BYTES:
        return refusal(431, f"the headers of a request have at most {MAX_HEADER_BLOCK_BYTES} bytes together")
    if "Transfer-Encoding" in request.headers and _codings(request) != "chunked":
        return refusal(400, "the only transfer coding that is read here is chunked")
    return await handler(request)


def _codings(request: web.Request) -> str:
    return ", ".join(request.headers.getall("Transfer-Encoding")).lower()


def refusal(status: int, sentence: str) -> web.Response:
    """An answer of the server itself, before any application knew of the request; the connection ends with it.

    It has the form of the distribution specification's errors, which every reader of problem documents survives too.
    """
    document = {"errors": [{"code": "UNSUPPORTED", "message": sentence}]}
    response = web.json_response(document, status=status, headers={"X-Content-Type-Options": "nosniff"})
    response.force_close()
    return response


async def _name_the_request(request: web.Request, response: web.StreamResponse) -> None:
    headers = response.headers
    headers["Server"] = SERVER
    headers.setdefault("X-Content-Type-Options", "nosniff")
    given = request.get(REQUEST_ID)
    if given is not None:
        headers[REQUEST_ID_HEADER] = given


class AccessLog(AbstractAccessLogger):
    """One line per request, written after its last byte; what handlers bound (principal, image) is on it."""

    @property
    def enabled(self) -> bool:
        """Always: what is not written is still counted."""
        return True

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Counts the request and writes its line."""
        sent = max(response.body_length, 0) if response.prepared else 0
        if isinstance(request, web.Request) and REQUEST_ID in request:  # else it never reached an application
            _count(request, response.status, time, sent)
        if not STDLIB_LOGGER.isEnabledFor(logging.INFO):
            return
        fields = _told(request, response.status, time, sent)
        lines = request_lines()
        if lines is None:
            _log.info(EVENT, **fields)
        else:
            bound = structlog.contextvars.get_contextvars()
            lines.take({name: one_line(masked_text(str(value))) for name, value in bound.items()} | fields)


def _told(request: web.BaseRequest, status: int, seconds: float, sent: int) -> dict[str, object]:
    target = request.rel_url
    return {
        "method": one_line(request.method),
        "path": masked_text(one_line(target.raw_path)),
        "query": shown_query(target.raw_query_string) or None,
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
        "sent_bytes": sent,
        "remote": request.remote,
        "agent": _shown_agent(request.headers.get("User-Agent", "")),
    }


@lru_cache(maxsize=256)
def _shown_agent(agent: str) -> str:
    return masked_text(one_line(agent))[:_MAX_AGENT]


def _count(request: web.Request, status: int, seconds: float, sent: int) -> None:
    matched = request.match_info
    resource = matched.route.resource
    route = resource.canonical if resource else "unknown"
    app = matched.apps[0]
    app[METRICS].answered(app[LISTENER], request.method, route, status, seconds, sent)
