"""`/v2/<name>/blobs/<digest>`: reading and unlinking blobs (end-2, end-10)."""

from contextlib import closing
from typing import Final

from aiohttp import web

from moorage.access.action import Action
from moorage.distribution import content, paths
from moorage.distribution.headers import CONTENT_DIGEST
from moorage.distribution.server import answers, conditions, download, file_download
from moorage.distribution.server.registry import Methods, Registry
from moorage.oci import byte_range
from moorage.oci.media_types import OCTET_STREAM

INLINE_BYTES: Final = 256 * 1024
"""Bodies up to this long are sent in one write with their head."""


async def head(registry: Registry, request: web.Request, place: paths.Blob) -> web.StreamResponse:
    """Whether this image holds the blob, and how large it is."""
    admission = await registry.gate.admit(request, place.name, Action.PULL)
    blob = await registry.content.stat_blob(admission.image, place.digest)
    headers = _headers(blob)
    if conditions.client_has(request, headers["ETag"]):
        return answers.not_modified(headers)
    return answers.empty(200, {**headers, "Content-Length": str(blob.size)})


async def get(registry: Registry, request: web.Request, place: paths.Blob) -> web.StreamResponse:
    """The blob or one range of it. Whatever is odd about a Range header gives the whole blob (R10)."""
    admission = await registry.gate.admit(request, place.name, Action.PULL)
    blob = await registry.content.stat_blob(admission.image, place.digest)
    headers = _headers(blob)
    if conditions.client_has(request, headers["ETag"]):
        return answers.not_modified(headers)
    span = byte_range.requested(conditions.range_header(request, headers["ETag"]), blob.size)
    if span:
        headers["Content-Range"] = span.content_range(blob.size)
    status, length = 206 if span else 200, span.length if span else blob.size
    if length > INLINE_BYTES and file_download.is_possible(request):
        file = await registry.content.blob_file(admission.image, place.digest)
        if file is not None:
            with closing(file):
                begun, idle_seconds = _begun(status, headers, length), registry.limits.idle_body_seconds
                return await file_download.send(request, begun, file, span, idle_seconds)
    body = registry.content.read_blob(admission.image, place.digest, span)
    if length > INLINE_BYTES:
        return await download.send(request, _begun(status, headers, length), body)
    return await download.at_once(status, answers.with_standard_headers(headers), body, length)


async def delete(registry: Registry, request: web.Request, place: paths.Blob) -> web.StreamResponse:
    """Unlinks the blob from this image; others keep it (R43)."""
    admission = await registry.gate.admit_change(request, place.name, Action.DELETE)
    await registry.content.delete_blob(admission.image, place.digest)
    return answers.empty(202)


def _begun(status: int, headers: dict[str, str], length: int) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=answers.with_standard_headers(headers))
    response.content_length = length
    return response


def _headers(blob: content.Blob) -> dict[str, str]:
    return {
        CONTENT_DIGEST: str(blob.digest),
        "ETag": conditions.etag(blob.digest),
        "Accept-Ranges": "bytes",
        "Content-Type": OCTET_STREAM,
    }


METHODS: Final[Methods[paths.Blob]] = {"GET": get, "HEAD": head, "DELETE": delete}
