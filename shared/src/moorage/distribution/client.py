"""What images hold, asked of the storage service: the Content port over the distribution API (protocol.md §1.4)."""

import io
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import quote
from uuid import UUID

import aiohttp
from yarl import URL

from moorage.access.consistency import ORIGIN, ConsistencyToken
from moorage.distribution import deleted_tags, errors, inside, paths
from moorage.distribution import headers as names
from moorage.distribution.content import (
    Actor,
    Blob,
    Chunk,
    DeletedTagPage,
    Held,
    ManifestPush,
    PushedManifest,
    Referrers,
    StoredManifest,
    TagPage,
    UploadSession,
)
from moorage.oci import descriptor_json
from moorage.oci import errors as oci
from moorage.oci.byte_range import ByteRange
from moorage.oci.descriptor import Descriptor
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import RegistryError, Unavailable
from moorage.oci.reference import Reference, Tag

_log: Final = logging.getLogger(__name__)

Query = Mapping[str, str] | Sequence[tuple[str, str]]
Kinds = tuple[type[RegistryError], ...]

TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=300)
"""Bodies flow as long as they flow; an answer may take as long as re-reading a large blob takes."""

_MOST_TAGS: Final = 1000


class DistributionClient:
    """Implements Content. The session is the caller's; it should keep connections, and not follow redirects."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, service_token: str) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._authorization = f"Bearer {service_token}"

    async def stat_blob(self, image: UUID, digest: Digest) -> Blob:
        """See Content."""
        place = paths.Blob(str(image), digest)
        async with self._call("HEAD", place, expected=(oci.BlobUnknown,)) as response:
            return Blob(digest, int(response.headers["Content-Length"]))

    async def read_blob(self, image: UUID, digest: Digest, span: ByteRange | None = None) -> AsyncIterator[bytes]:
        """See Content. A connection that is cut before the end, for damage or otherwise, is Unavailable."""
        headers = {"Range": f"bytes={span.start}-{span.stop - 1}"} if span else {}
        place = paths.Blob(str(image), digest)
        async with self._call("GET", place, expected=(oci.BlobUnknown,), headers=headers) as response:
            async for piece in response.content.iter_any():
                yield piece

    async def blob_file(self, image: UUID, digest: Digest) -> None:
        """See Content. What comes over a network is no file."""

    async def delete_blob(self, image: UUID, digest: Digest) -> None:
        """See Content."""
        place = paths.Blob(str(image), digest)
        async with self._call("DELETE", place, expected=(oci.BlobUnknown,)):
            pass

    async def mount_blob(self, source: UUID, target: UUID, digest: Digest, actor: Actor) -> bool:
        """See Content."""
        path, query = inside.LINK_PATH.format(image=target, digest=digest), {"from": str(source)}
        try:
            async with self._call("PUT", path, expected=(oci.BlobUnknown,), actor=actor, query=query):
                return True
        except oci.BlobUnknown:
            return False

    async def start_upload(self, image: UUID, actor: Actor, algorithm: DigestAlgorithm) -> UploadSession:
        """See Content."""
        query = {"digest-algorithm": algorithm.value}
        async with self._call("POST", paths.Uploads(str(image)), actor=actor, query=query) as response:
            return _session(response)

    async def upload(self, image: UUID, session: UUID, actor: Actor) -> UploadSession:
        """See Content."""
        async with self._call("GET", paths.Upload(str(image), session), actor=actor) as response:
            return _session(response)

    async def append(self, image: UUID, session: UUID, actor: Actor, chunk: Chunk) -> UploadSession:
        """See Content."""
        async with self._send("PATCH", paths.Upload(str(image), session), actor, chunk) as response:
            return _session(response)

    async def finish_upload(
        self, image: UUID, session: UUID, actor: Actor, digest: Digest, last: Chunk | None = None
    ) -> Blob:
        """See Content."""
        place, query = paths.Upload(str(image), session), {"digest": str(digest)}
        async with self._send("PUT", place, actor, last, query) as response:
            return Blob(digest, int(response.headers[names.BLOB_SIZE]))

    async def cancel_upload(self, image: UUID, session: UUID, actor: Actor) -> None:
        """See Content."""
        async with self._call("DELETE", paths.Upload(str(image), session), actor=actor):
            pass

    async def put_manifest(self, image: UUID, push: ManifestPush, actor: Actor) -> PushedManifest:
        """See Content."""
        async with self._call(
            "PUT",
            paths.Manifest(str(image), push.reference),
            expected=(oci.ManifestTooLarge,),
            actor=actor,
            query=[("tag", str(tag)) for tag in push.tags],
            headers={"Content-Type": push.content_type} if push.content_type else {},
            data=_body(push.body),
        ) as response:
            return _pushed(response)

    async def manifest(self, image: UUID, reference: Reference) -> StoredManifest:
        """See Content."""
        async with self._call("GET", paths.Manifest(str(image), reference)) as response:
            return StoredManifest(
                Digest.parse(response.headers[names.CONTENT_DIGEST]),
                response.headers["Content-Type"],
                await response.read(),
                response.headers[names.AUTHZ_TOKEN],
                response.headers.get(names.TOKEN_MODE) == inside.LOCAL,
            )

    async def delete_manifest(self, image: UUID, digest: Digest, actor: Actor) -> None:
        """See Content."""
        async with self._call("DELETE", paths.Manifest(str(image), digest), actor=actor):
            pass

    async def delete_tag(self, image: UUID, tag: Tag, actor: Actor) -> None:
        """See Content."""
        async with self._call("DELETE", paths.Manifest(str(image), tag), actor=actor):
            pass

    async def tags(self, image: UUID, limit: int, after: str = "") -> TagPage:
        """See Content. More than a page of the other side holds is asked for page by page."""
        found: list[Tag] = []
        token, more = ORIGIN, limit > 0
        while more and len(found) < limit:
            query = {"n": str(min(limit - len(found), _MOST_TAGS)), "last": str(found[-1]) if found else after}
            async with self._call("GET", paths.Tags(str(image)), query=query) as response:
                found += [Tag.parse(text) for text in (await response.json())["tags"]]
                token, more = max(token, _token(response)), "next" in response.links
        return TagPage(tuple(found), more, str(token))

    async def deleted_tags(self, image: UUID, limit: int, after: str = "") -> DeletedTagPage:
        """See Content."""
        path, query = inside.DELETED_TAGS_PATH.format(image=image), {"n": str(max(limit, 0)), "last": after}
        async with self._call("GET", path, query=query) as response:
            return deleted_tags.parse(await response.json())

    async def restore_tag(self, image: UUID, tag: Tag, actor: Actor) -> Digest:
        """See Content."""
        path = inside.RESTORE_TAG_PATH.format(image=image, tag=tag)
        async with self._call("POST", path, expected=(oci.TagTaken,), actor=actor) as response:
            return Digest.parse(response.headers[names.CONTENT_DIGEST])

    async def restore_manifest(self, image: UUID, digest: Digest, actor: Actor) -> None:
        """See Content."""
        async with self._call("POST", inside.RESTORE_MANIFEST_PATH.format(image=image, digest=digest), actor=actor):
            pass

    async def referrers(self, image: UUID, subject: Digest) -> Referrers:
        """See Content."""
        found: list[Descriptor] = []
        query: dict[str, str] = {}
        token, more = ORIGIN, True
        while more:
            async with self._call("GET", paths.Referrers(str(image), subject), query=query) as response:
                found += descriptor_json.descriptors(await response.json(content_type=None), "manifests")
                token, more = max(token, _token(response)), "next" in response.links
                query = {"last": str(found[-1].digest)} if found else {}
        return Referrers(tuple(found), str(token))

    async def held(self, image: UUID) -> Held:
        """See Content."""
        async with self._call("GET", inside.IMAGE_PATH.format(image=image)) as response:
            return Held((await response.json())[inside.HELD])

    async def delete_image(self, image: UUID) -> None:
        """See Content."""
        async with self._call("DELETE", inside.IMAGE_PATH.format(image=image)):
            pass

    @asynccontextmanager
    async def _send(
        self, method: str, place: paths.Upload, actor: Actor, chunk: Chunk | None, query: Query = ()
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A call with a chunk as its body. If that broke off, its exception goes on, whatever the answer was."""
        sealed = inside.SealedBody(chunk.body) if chunk else None
        headers = _chunk_headers(chunk) if chunk else {}
        try:
            async with self._call(method, place, actor=actor, query=query, headers=headers, data=sealed) as response:
                yield response
        except RegistryError as refusal:
            raise (sealed and sealed.failure) or refusal from None
        if sealed and sealed.failure:
            raise sealed.failure

    @asynccontextmanager
    async def _call(
        self,
        method: str,
        place: paths.Place | str,
        *,
        expected: Kinds = (),
        actor: Actor | None = None,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
        data: bytes | io.BytesIO | inside.SealedBody | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            async with self._session.request(
                method,
                URL(f"{self._base_url}{place}", encoded=True).with_query(query),
                headers={**self._headers(actor), **(headers or {})},
                data=data,
                skip_auto_headers=("Content-Type",),
                allow_redirects=False,
                timeout=TIMEOUT,
            ) as response:
                if response.status >= 300:
                    refusal = await _refusal(response, expected)
                    response.close()  # the body may still be on its way out; nobody reads it any more
                    raise refusal
                yield response
        except (aiohttp.ClientError, OSError) as error:  # time-outs are OSErrors too
            raise Unavailable("the storage of this registry can't be reached right now; try again") from error
        except (LookupError, ValueError) as error:
            raise Unavailable("the storage of this registry gave an answer that can't be read") from error

    def _headers(self, actor: Actor | None) -> dict[str, str]:
        headers = {"Authorization": self._authorization, "Accept-Encoding": "identity"}
        if actor is not None:
            headers[names.PRINCIPAL] = quote(actor.principal, safe=":")
            headers[names.LINK_GEN] = str(actor.link_gen)
            headers[names.AUTHZ_TOKEN] = actor.token
            if actor.token_is_local:
                headers[names.TOKEN_MODE] = inside.LOCAL
        return headers


async def _refusal(response: aiohttp.ClientResponse, expected: Kinds) -> RegistryError:
    if response.status == 401:  # it is this service that is not known there: none of the caller's business
        _log.error("Storage refuses this service; is the service token the same on both sides?")
        return Unavailable("the storage of this registry can't be reached right now; try again")
    return errors.parse(response.status, response.headers, await response.read(), expected)


def _body(content: bytes) -> bytes | io.BytesIO:
    """Bytes, or from a mebibyte on something that aiohttp sends in pieces and without a warning."""
    return io.BytesIO(content) if len(content) >= 2**20 else content


def _chunk_headers(chunk: Chunk) -> dict[str, str]:
    headers = {names.SEALED_BODY: "1"}
    if chunk.span:
        headers["Content-Range"] = f"{chunk.span.start}-{chunk.span.stop - 1}"
    if chunk.length is not None:
        headers[names.CHUNK_LENGTH] = str(chunk.length)
    return headers


def _token(response: aiohttp.ClientResponse) -> ConsistencyToken:
    return ConsistencyToken.parse(response.headers[names.AUTHZ_TOKEN])


def _session(response: aiohttp.ClientResponse) -> UploadSession:
    return UploadSession(
        UUID(response.headers[names.UPLOAD_UUID]),
        int(response.headers[names.UPLOAD_OFFSET]),
        DigestAlgorithm(response.headers[names.UPLOAD_ALGORITHM]),
    )


def _pushed(response: aiohttp.ClientResponse) -> PushedManifest:
    subject, moved = response.headers.get(names.SUBJECT), response.headers.get(names.MOVED_TAGS, "")
    return PushedManifest(
        Digest.parse(response.headers[names.CONTENT_DIGEST]),
        Digest.parse(subject) if subject else None,
        tuple(Tag.parse(text) for text in moved.split(",") if text),
    )
