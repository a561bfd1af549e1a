"""`/v2/<name>/manifests/<tag or digest>`: manifests and tags (end-3, end-7, end-9)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from moorage.access.action import Action
from moorage.distribution import headers as names
from moorage.distribution import paths
from moorage.distribution.content import ManifestPush, PushedManifest, StoredManifest
from moorage.distribution.inside import LOCAL
from moorage.distribution.server import answers, body, conditions, query
from moorage.distribution.server.registry import LARGE_BYTES, Methods, Registry
from moorage.oci.digest import Digest
from moorage.oci.errors import MediaTypeUnsupported, Unavailable
from moorage.oci.reference import Tag


async def get(registry: Registry, request: web.Request, place: paths.Manifest) -> web.StreamResponse:
    """The manifest exactly as stored, whatever Accept says (R8, R9); for HEAD the framework drops the body."""
    admission = await registry.gate.admit(request, place.name, Action.PULL)
    stored = await registry.content.manifest(admission.image, place.reference)
    await registry.gate.settle(request, admission, stored.token)
    headers, notes = _headers(stored), _notes(stored)
    if conditions.client_has(request, headers["ETag"]):
        return answers.not_modified(headers)
    return answers.raw(stored.body, stored.media_type, headers, notes)


async def put(registry: Registry, request: web.Request, place: paths.Manifest) -> web.StreamResponse:
    """Stores a manifest. Whoever may not push is told before the body is read; the authority is asked after it."""
    tags, content_type = query.tags(request, registry.limits.max_tags_per_push), _content_type(request)
    body.refuse_encoded(request)
    body.refuse_large_manifest(request, registry.limits.max_manifest_bytes)
    await registry.gate.admit(request, place.name, Action.PUSH)
    received = await body.read_manifest(request, registry.limits.max_manifest_bytes, registry.limits.idle_body_seconds)
    push = ManifestPush(place.reference, content_type, received, tags)
    async with _turn(registry, len(received)):
        admission = await registry.gate.admit_change(request, place.name, Action.PUSH)
        pushed = await registry.content.put_manifest(admission.image, push, admission.actor)
    notes = {names.MOVED_TAGS: ",".join(map(str, pushed.tags))}
    return answers.empty(201, _pushed_headers(admission.name, pushed, tags), notes)


async def delete(registry: Registry, request: web.Request, place: paths.Manifest) -> web.StreamResponse:
    """By tag the tag goes, by digest the manifest and every tag on it (R41)."""
    match place.reference:
        case Tag() as tag:
            admission = await registry.gate.admit_change(request, place.name, Action.DELETE_TAG)
            await registry.content.delete_tag(admission.image, tag, admission.actor)
        case Digest() as digest:
            admission = await registry.gate.admit_change(request, place.name, Action.DELETE)
            await registry.content.delete_manifest(admission.image, digest, admission.actor)
    return answers.empty(202)


@asynccontextmanager
async def _turn(registry: Registry, size: int) -> AsyncIterator[None]:
    """Large manifests are read one after the other; nobody waits for long. Raises Unavailable."""
    if size <= LARGE_BYTES:
        yield
        return
    try:
        async with asyncio.timeout(registry.limits.turn_seconds):
            await registry.large.acquire()
    except TimeoutError:
        raise Unavailable("the registry has many large manifests to read; try again in a few seconds") from None
    try:
        yield
    finally:
        registry.large.release()


def _content_type(request: web.Request) -> str:
    text = request.headers.get("Content-Type", "")
    if not (text.isascii() and text.isprintable()):
        raise MediaTypeUnsupported("the Content-Type of a manifest is its media type, in printable ASCII")
    return text


def _headers(stored: StoredManifest) -> dict[str, str]:
    return {names.CONTENT_DIGEST: str(stored.digest), "ETag": conditions.etag(stored.digest)}


def _notes(stored: StoredManifest) -> dict[str, str]:
    notes = {names.AUTHZ_TOKEN: stored.token}
    return {**notes, names.TOKEN_MODE: LOCAL} if stored.token_is_local else notes


def _pushed_headers(name: str, pushed: PushedManifest, tags: tuple[Tag, ...]) -> list[tuple[str, str]]:
    headers = [
        ("Location", str(paths.Manifest(name, pushed.digest))),
        (names.CONTENT_DIGEST, str(pushed.digest)),
        *((names.TAG, str(tag)) for tag in tags),
    ]
    return [*headers, (names.SUBJECT, str(pushed.subject))] if pushed.subject else headers


METHODS: Final[Methods[paths.Manifest]] = {"GET": get, "HEAD": get, "PUT": put, "DELETE": delete}
