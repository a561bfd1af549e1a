"""What may come back, whatever was sent (R6, R29, R132, R152). Written from the specification, not from our code."""

import json
import re
import socket
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from hostile.attacker import Answer

CODES: Final = frozenset(
    {"BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN",
     "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED",
     "DENIED", "UNSUPPORTED", "TOOMANYREQUESTS"}
)  # fmt: skip
_NAME: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
_DIGEST: Final = r"(?:sha256(?::|%3[Aa])[0-9a-f]{64}|sha512(?::|%3[Aa])[0-9a-f]{128})"
_TAG: Final = r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"
_ANYWHERE: Final = frozenset({400, 401, 404, 405, 408, 414, 417, 429, 431, 503})
_READ: Final = {200, 403}
_ROUTES: Final[tuple[tuple[str, dict[str, set[int]]], ...]] = (
    (r"/v2/?", {"GET": {200}, "HEAD": {200}}),
    (r"/v2/_catalog", {"GET": _READ, "HEAD": _READ}),
    (rf"/v2/{_NAME}/blobs/uploads/?", {"POST": {201, 202, 403, 413, 415}}),
    (
        rf"/v2/{_NAME}/blobs/uploads/[0-9a-f-]{{36}}",
        {"GET": {204, 403}, "PATCH": {202, 403, 409, 413, 415, 416}, "PUT": {201, 403, 409, 413, 415, 416},
         "DELETE": {204, 403, 409}},
    ),
    (
        rf"/v2/{_NAME}/blobs/{_DIGEST}",
        {"GET": {200, 206, 304, 403, 416}, "HEAD": {200, 304, 403}, "DELETE": {202, 403}},
    ),
    (
        rf"/v2/{_NAME}/manifests/(?:{_TAG}|{_DIGEST})",
        {"GET": {200, 304, 403}, "HEAD": {200, 304, 403}, "PUT": {201, 403, 413, 415}, "DELETE": {202, 403}},
    ),
    (rf"/v2/{_NAME}/tags/list", {"GET": _READ, "HEAD": _READ}),
    (rf"/v2/{_NAME}/referrers/{_DIGEST}", {"GET": _READ, "HEAD": _READ}),
    (r"/token", {"GET": {200}, "POST": {200, 413, 415}}),
    (r"/", {"GET": {200}, "HEAD": {200}}),
    (r"/api/v1/.*", {method: {200, 201, 202, 204, 403, 409, 412, 413, 415, 422} for method in
                     ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")}),
)  # fmt: skip
_GIVES_AWAY: Final = (
    b"Traceback", b'File "', b"site-packages", b".py", b"asyncpg", b"aiohttp", b"pydantic", b"SELECT ", b"INSERT ",
    b"postgres", b"/blobs/data", b"/tmp/", b"Python/",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What was sent, once more read by somebody else's rules."""

    sent: bytes

    @property
    def method(self) -> str:
        """The word it begins with."""
        return self.sent.partition(b" ")[0].decode("latin-1")

    @property
    def path(self) -> str:
        """What stands between the method and the version, without origin and query."""
        target = self.sent.partition(b"\r\n")[0].partition(b" ")[2].rpartition(b" ")[0].decode("latin-1")
        return re.sub(r"^https?://[^/?#]*", "", target).partition("#")[0].partition("?")[0]


def fault(sent: bytes, answer: Answer, private: Collection[bytes]) -> str | None:
    """What is wrong with the answer; None if nothing is. `private` is what no answer may hold."""
    asked = Asked(sent)
    checks = (_status(asked, answer), _headers(asked, answer), _body(asked, answer), _told(asked, answer, private))
    return next((each for each in checks if each), None)


def _status(asked: Asked, answer: Answer) -> str | None:
    if answer.status == 503:
        return None if answer.header("Retry-After").isdigit() else "503 without Retry-After"
    if answer.status == 429 and not answer.header("Retry-After").isdigit():
        return "429 without Retry-After"
    if answer.status in _ANYWHERE:
        return None
    allowed = next((methods for pattern, methods in _ROUTES if re.fullmatch(pattern, asked.path, re.DOTALL)), {})
    return None if answer.status in allowed.get(asked.method, ()) else f"status {answer.status} is not foreseen here"


def _headers(asked: Asked, answer: Answer) -> str | None:
    if answer.header("Server") != "moorage" or answer.header("X-Content-Type-Options") != "nosniff":
        return "a header is missing"
    if any(ord(c) < 32 or ord(c) > 126 for _, value in answer.headers for c in value):
        return "a header that is no printable ASCII"
    if "html" in answer.header("Content-Type") or answer.header("Set-Cookie"):
        return "a header that has no business here"
    if re.match(r"(?:https?:)?//", answer.header("Location")):
        return "a Location on another origin"
    if asked.path.startswith("/v2/") and "private" not in answer.header("Cache-Control") and answer.status < 300:
        return "what is private may be kept by a proxy"
    if asked.path.startswith(("/api/v1/", "/token")) and answer.status == 200 and "no-store" not in _kept(answer):
        return "an answer about rights may be kept"
    return None


def _kept(answer: Answer) -> str:
    return answer.header("Cache-Control")


def _body(asked: Asked, answer: Answer) -> str | None:
    if asked.method == "HEAD" or answer.status < 400 or answer.header("Content-Type").startswith("text/plain"):
        return None
    try:
        document = json.loads(answer.body)
    except ValueError:
        return "the body of an error is no JSON"
    if answer.header("Content-Type").startswith("application/problem+json"):
        whole = {"type", "title", "status"} <= document.keys() and document["status"] == answer.status
        return None if whole else "a problem document that is none"
    entry = document["errors"][0]
    allowed = {"UNAVAILABLE"} if answer.status == 503 else CODES
    return None if entry["code"] in allowed and entry["message"] else f"the code {entry['code']} is not foreseen"


def _told(asked: Asked, answer: Answer, private: Collection[bytes]) -> str | None:
    """What was sent may come back; nothing else of what stands behind us."""
    if answer.status < 400:
        return None
    whole = answer.body + repr(answer.headers).encode()
    host = socket.gethostname().encode()
    for secret in (*_GIVES_AWAY, *private, host):
        if secret in whole and secret not in asked.sent:
            return f"the answer tells {secret!r}"
    return None
