"""Conditional requests (RFC 9110 §13): our entity tags are the quoted digests, and always strong (R11)."""

from aiohttp import web

from moorage.oci.digest import Digest


def etag(digest: Digest) -> str:
    """The entity tag of the content with this digest."""
    return f'"{digest}"'


def client_has(request: web.Request, tag: str) -> bool:
    """Whether If-None-Match names `tag`. Weak comparison, in linear time; what is odd is simply not equal."""
    values = (value.strip() for header in request.headers.getall("If-None-Match", ()) for value in header.split(","))
    return any(value == "*" or value.removeprefix("W/") == tag for value in values)


def range_header(request: web.Request, tag: str) -> str | None:
    """The Range header, if If-Range does not rule it out: a date or another tag asks for the whole content."""
    return request.headers.get("Range") if request.headers.get("If-Range", tag).strip() == tag else None
