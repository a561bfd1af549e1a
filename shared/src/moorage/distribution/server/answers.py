"""Answers with the headers that every answer of the distribution API carries."""

import json
from collections.abc import Iterable, Mapping

from aiohttp import web
from multidict import CIMultiDict

from moorage.distribution.headers import EVERYWHERE
from moorage.distribution.inside import NOTES

HeaderList = Iterable[tuple[str, str]] | Mapping[str, str]


def with_standard_headers(headers: HeaderList = ()) -> CIMultiDict[str]:
    """`headers` and the standard ones."""
    merged = CIMultiDict(EVERYWHERE)
    merged.extend(headers)
    return merged


def empty(status: int, headers: HeaderList = (), notes: Mapping[str, str] | None = None) -> web.Response:
    """An answer without a body; `notes` are for our own services only."""
    response = web.Response(status=status, headers=with_standard_headers(headers))
    response[NOTES] = dict(notes or {})
    return response


def document(body: object, headers: HeaderList = (), notes: Mapping[str, str] | None = None) -> web.Response:
    """`body` as JSON."""
    return raw(json.dumps(body, separators=(",", ":")).encode(), "application/json", headers, notes)


def raw(
    body: bytes, content_type: str, headers: HeaderList = (), notes: Mapping[str, str] | None = None
) -> web.Response:
    """Bytes as they are, under a content type without parameters."""
    response = web.Response(body=body, headers=with_standard_headers(headers))
    response.headers["Content-Type"] = content_type
    response[NOTES] = dict(notes or {})
    return response


def not_modified(headers: Mapping[str, str]) -> web.Response:
    """304: the client has it already. `headers` are those of the answer with content (RFC 9110 §15.4.5)."""
    return empty(304, {name: value for name, value in headers.items() if name != "Content-Type"})
