"""Errors on the wire: a RegistryError as the specification's JSON body, and that body as the same error again."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from aiohttp import web

from moorage.distribution.headers import EVERYWHERE
from moorage.oci import errors as oci
from moorage.oci.errors import ErrorCode, RegistryError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log: Final = logging.getLogger(__name__)

CLIENT_GONE: Final = 499
"""The status in our own log of a request whose client left before the answer; nobody receives it."""

_KEPT_HEADERS: Final = ("Retry-After", "Content-Range", "Allow", "Location", "Range", "WWW-Authenticate")

_KINDS: Final[tuple[type[RegistryError], ...]] = (
    oci.NameInvalid,
    oci.NameUnknown,
    oci.DigestInvalid,
    oci.ManifestInvalid,
    oci.ManifestUnknown,
    oci.ManifestBlobUnknown,
    oci.MediaTypeUnsupported,
    oci.TooManyTags,
    oci.BlobUnknown,
    oci.UploadUnknown,
    oci.UploadInvalid,
    oci.ChunkOutOfOrder,
    oci.UploadBusy,
    oci.SizeInvalid,
    oci.BlobTooLarge,
    oci.ManifestTooLarge,
    oci.RangeNotSatisfiable,
    oci.Unauthenticated,
    oci.Denied,
    oci.Unsupported,
    oci.ParameterInvalid,
    oci.TooManyRequests,
    oci.Unavailable,
    oci.StorageFull,
)


def body_of(code: str, message: str, detail: Mapping[str, object] | None = None) -> bytes:
    """The JSON body of an error answer (distribution-spec, "Error Codes")."""
    entry: dict[str, object] = {"code": code, "message": message}
    if detail:
        entry["detail"] = detail
    return json.dumps({"errors": [entry]}).encode()


def render(error: RegistryError) -> web.Response:
    """The answer that says `error`."""
    return _answer(error.status, body_of(error.code.value[0], error.message, error.detail), error.headers)


def parse(
    status: int, headers: Mapping[str, str], body: bytes, expected: Sequence[type[RegistryError]] = ()
) -> RegistryError:
    """The error that an answer says, in its own class, with message, detail and status kept.

    `expected` are the kinds that the asked operation promises. They settle what code and status leave open, and stand
    in for the body that the answer to a HEAD doesn't have. What can't be read at all is Unavailable.
    """
    code, message, detail = _entry(body)
    kind = _kind(code, status, expected)
    if kind is None:
        return oci.Unavailable(f"the other side answered with status {status}")
    error = kind.__new__(kind)
    kept = {name: headers[name] for name in _KEPT_HEADERS if name in headers}
    RegistryError.__init__(error, message or (kind.__doc__ or "").partition("\n")[0], detail=detail, headers=kept)
    error.status = status
    return error


@web.middleware
async def render_registry_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers every failure in the specification's form: refusals, the framework's own, and bugs (500, no detail)."""
    try:
        return await handler(request)
    except RegistryError as error:
        return render(error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _render_framework_error(error)
    except web.RequestPayloadError:
        return render(oci.SizeInvalid("the body does not end where its framing says; send it again"))
    except ConnectionError:
        return web.Response(status=CLIENT_GONE)
    except Exception:  # the last line of defence: whatever it is, the client gets a body it can parse (R6)
        _log.exception("A request failed in a way that nobody foresaw")
        return _answer(500, body_of("UNKNOWN", "something went wrong here; it has been logged with the request's id"))


def _render_framework_error(error: web.HTTPException) -> web.Response:
    code = {404: ErrorCode.NAME_UNKNOWN, 413: ErrorCode.SIZE_INVALID}.get(error.status, ErrorCode.UNSUPPORTED)
    kept = {name: error.headers[name] for name in _KEPT_HEADERS if name in error.headers}
    return _answer(error.status, body_of(code.value[0], error.reason.lower()), kept)


def _answer(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, body=body, content_type="application/json", headers={**EVERYWHERE, **(headers or {})}
    )


def _entry(body: bytes) -> tuple[str | None, str, dict[str, object]]:
    try:
        entry = json.loads(body)["errors"][0]
        detail = entry.get("detail")
        return str(entry["code"]), str(entry.get("message", "")), detail if isinstance(detail, dict) else {}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None, "", {}


def _kind(code: str | None, status: int, expected: Sequence[type[RegistryError]]) -> type[RegistryError] | None:
    if code is None:
        return next((kind for kind in expected if kind.status == status), None)
    named = [kind for kind in (*expected, *_KINDS) if kind.code.value[0] == code]
    return next((kind for kind in named if kind.status == status), named[0] if named else None)
