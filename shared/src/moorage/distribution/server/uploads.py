"""`/v2/<name>/blobs/uploads/…`: upload sessions, single-request uploads, mounts (end-4 to 6, end-11, 13, 14)."""

from contextlib import suppress
from typing import Final

from aiohttp import web

from moorage.access.action import Action
from moorage.distribution import content, paths
from moorage.distribution import headers as names
from moorage.distribution.gate import Admission
from moorage.distribution.server import answers, body, query
from moorage.distribution.server.registry import Methods, Registry
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import ChunkOutOfOrder, DigestInvalid, RegistryError


async def post(registry: Registry, request: web.Request, place: paths.Uploads) -> web.StreamResponse:
    """Opens a session (202), or stores (201) or links (201) a blob at once."""
    mount, digest = query.digest(request, "mount"), query.digest(request, "digest")
    source = query.image_name(request, "from") if mount else None
    algorithm = query.algorithm(request)
    body.refuse_encoded(request)
    admission = await registry.gate.admit(request, place.name, Action.PUSH)
    if mount:
        if source and await _mounted(registry, request, admission, source, mount):
            return _created(admission.name, mount)
        return await _opened(registry, admission, mount.algorithm)
    if digest:
        return await _stored_at_once(registry, request, admission, digest)
    return await _opened(registry, admission, algorithm)


async def get(registry: Registry, request: web.Request, place: paths.Upload) -> web.StreamResponse:
    """How far the session has come."""
    admission = await registry.gate.admit(request, place.name, Action.PUSH)
    session = await registry.content.upload(admission.image, place.session, admission.actor)
    return _session(204, admission.name, session)


async def patch(registry: Registry, request: web.Request, place: paths.Upload) -> web.StreamResponse:
    """Appends a chunk, with or without Content-Range (R14)."""
    body.refuse_encoded(request)
    span = body.span(request)
    admission = await registry.gate.admit(request, place.name, Action.PUSH)
    try:
        async with body.chunk(request, span, registry.limits.idle_body_seconds) as chunk:
            session = await registry.content.append(admission.image, place.session, admission.actor, chunk)
    except ChunkOutOfOrder as error:
        raise await _with_offset(error, registry, place, admission) from None
    return _session(202, admission.name, session)


async def put(registry: Registry, request: web.Request, place: paths.Upload) -> web.StreamResponse:
    """Closes the session: the last chunk, if there is one, and the digest of the whole."""
    digest = query.digest(request, "digest")
    if digest is None:
        raise DigestInvalid("the request that closes an upload names the blob: add ?digest=<digest of the whole blob>")
    body.refuse_encoded(request)
    span = body.span(request)
    admission = await registry.gate.admit(request, place.name, Action.PUSH)
    contents, image, actor = registry.content, admission.image, admission.actor
    try:
        async with body.chunk(request, span, registry.limits.idle_body_seconds) as chunk:
            last = chunk if request.body_exists or span else None
            blob = await contents.finish_upload(image, place.session, actor, digest, last)
    except ChunkOutOfOrder as error:
        raise await _with_offset(error, registry, place, admission) from None
    return _created(admission.name, blob.digest, blob)


async def delete(registry: Registry, request: web.Request, place: paths.Upload) -> web.StreamResponse:
    """Cancels the session; it needs no more than the right to push (R17)."""
    admission = await registry.gate.admit(request, place.name, Action.PUSH)
    await registry.content.cancel_upload(admission.image, place.session, admission.actor)
    return answers.empty(204)


async def _mounted(registry: Registry, request: web.Request, admission: Admission, source: str, digest: Digest) -> bool:
    image = await registry.gate.mount_source(request, source)
    return image is not None and await registry.content.mount_blob(image, admission.image, digest, admission.actor)


async def _opened(registry: Registry, admission: Admission, algorithm: DigestAlgorithm) -> web.Response:
    session = await registry.content.start_upload(admission.image, admission.actor, algorithm)
    return _session(202, admission.name, session)


async def _stored_at_once(
    registry: Registry, request: web.Request, admission: Admission, digest: Digest
) -> web.Response:
    image, actor, contents = admission.image, admission.actor, registry.content
    session = await contents.start_upload(image, actor, digest.algorithm)
    try:
        async with body.chunk(request, None, registry.limits.idle_body_seconds) as whole:
            blob = await contents.finish_upload(image, session.id, actor, digest, whole)
    except Exception:  # whatever it was: the client never learnt the session's id, so nobody else can end it
        with suppress(RegistryError):
            await contents.cancel_upload(image, session.id, actor)
        raise
    return _created(admission.name, blob.digest, blob)


async def _with_offset(
    error: ChunkOutOfOrder, registry: Registry, place: paths.Upload, admission: Admission
) -> ChunkOutOfOrder:
    """The same error, telling where the stored bytes end, so that the client can go on without asking (R15)."""
    session = await registry.content.upload(admission.image, place.session, admission.actor)
    error.headers |= _session_headers(admission.name, session)
    return error


def _session(status: int, name: str, session: content.UploadSession) -> web.Response:
    notes = {names.UPLOAD_OFFSET: str(session.offset), names.UPLOAD_ALGORITHM: session.algorithm.value}
    return answers.empty(status, _session_headers(name, session), notes)


def _session_headers(name: str, session: content.UploadSession) -> dict[str, str]:
    return {
        "Location": str(paths.Upload(name, session.id)),
        "Range": f"0-{max(session.offset - 1, 0)}",
        names.UPLOAD_UUID: str(session.id),
    }


def _created(name: str, digest: Digest, blob: content.Blob | None = None) -> web.Response:
    headers = {"Location": str(paths.Blob(name, digest)), names.CONTENT_DIGEST: str(digest)}
    return answers.empty(201, headers, {names.BLOB_SIZE: str(blob.size)} if blob else None)


UPLOADS: Final[Methods[paths.Uploads]] = {"POST": post}
UPLOAD: Final[Methods[paths.Upload]] = {"GET": get, "PATCH": patch, "PUT": put, "DELETE": delete}
