"""Content over HTTP is content: the port's contract through the client and storage's server, and what only HTTP has."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from aiohttp import web

from contracts.content import ContentContract
from contracts.samples import push_blob, read_all, some_actor, stream
from contracts.storage_parts import MemoryStorage
from distribution.served import client_session, served
from moorage.distribution import inside
from moorage.distribution.client import DistributionClient
from moorage.distribution.content import Chunk, Content
from moorage.oci.byte_range import ByteRange
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import BlobTooLarge, ChunkOutOfOrder, RangeNotSatisfiable, RegistryError, Unavailable
from moorage.storage.http.application import application
from moorage.storage.uploads import UploadLimits

SERVICE_TOKEN = "mrg_svc_for_tests_only"
IMAGE = UUID("00000000-0000-0000-0000-00000000000a")
SMALL = UploadLimits(max_blob_bytes=1000)


@pytest.fixture
async def content() -> AsyncIterator[Content]:
    """The client of a storage server on memory, whose blobs are small."""
    storage = MemoryStorage(limits=SMALL)
    async with served(application(storage.content, SERVICE_TOKEN)) as url, client_session() as session:
        yield DistributionClient(session, url, SERVICE_TOKEN)


class TestContentOverHttp(ContentContract):
    """See the contract."""

    @pytest.fixture
    async def content(self) -> AsyncIterator[Content]:
        """The client of a storage server on memory."""
        async with served(application(MemoryStorage().content, SERVICE_TOKEN)) as url, client_session() as session:
            yield DistributionClient(session, url, SERVICE_TOKEN)


class Broken(Exception):
    """What breaks a stream off."""


async def broken(*pieces: bytes) -> AsyncIterator[bytes]:
    """A body that breaks off after these pieces."""
    for piece in pieces:
        yield piece
    raise Broken


@pytest.mark.parametrize("pieces", [(), (b"a",), (b"a" * 70_000, b"b" * 70_001)])
@pytest.mark.parametrize("announced", [None, 1_000_000])
async def test_what_arrived_before_a_break_is_kept(pieces: tuple[bytes, ...], announced: int | None) -> None:
    """At once, with the stream's own exception, and also in a closing request (R89)."""
    storage, actor = MemoryStorage(), some_actor()
    whole = b"".join(pieces)
    async with served(application(storage.content, SERVICE_TOKEN)) as url, client_session() as session:
        content = DistributionClient(session, url, SERVICE_TOKEN)
        upload = await content.start_upload(IMAGE, actor, DigestAlgorithm.SHA256)
        with pytest.raises(Broken):
            await content.append(IMAGE, upload.id, actor, Chunk(broken(*pieces), length=announced))
        assert (await content.upload(IMAGE, upload.id, actor)).offset == len(whole)
        digest = Digest.of(whole + whole + b"end")
        with pytest.raises(Broken):
            await content.finish_upload(IMAGE, upload.id, actor, digest, Chunk(broken(*pieces)))
        assert (await content.upload(IMAGE, upload.id, actor)).offset == 2 * len(whole)
        await content.finish_upload(IMAGE, upload.id, actor, digest, Chunk(stream(b"end")))
        assert await read_all(content.read_blob(IMAGE, digest)) == whole + whole + b"end"


async def endless() -> AsyncIterator[bytes]:
    """A body that does not end by itself."""
    while True:
        yield b"x" * 65_536


async def test_a_refusal_ends_a_body_that_would_go_on(content: Content) -> None:
    """The answer comes although the body is still flowing, in its own class and with its headers."""
    actor = some_actor()
    upload = await content.start_upload(IMAGE, actor, DigestAlgorithm.SHA256)
    with pytest.raises(ChunkOutOfOrder) as refusal:
        await content.append(IMAGE, upload.id, actor, Chunk(endless(), ByteRange(5, 6)))
    assert refusal.value.headers["Range"] == "0-0"
    with pytest.raises(BlobTooLarge) as too_large:
        await content.append(IMAGE, upload.id, actor, Chunk(endless()))
    assert too_large.value.status == 413


async def test_a_range_outside_the_blob_is_refused(content: Content) -> None:
    """With the size of the blob."""
    digest = await push_blob(content, IMAGE, b"0123456789", some_actor())
    with pytest.raises(RangeNotSatisfiable) as refusal:
        await read_all(content.read_blob(IMAGE, digest, ByteRange(10, 20)))
    assert refusal.value.headers["Content-Range"] == "bytes */10"


async def test_storage_that_can_not_be_reached_is_unavailable() -> None:
    """For every kind of call, with the time to wait."""
    async with client_session() as session:
        content = DistributionClient(session, "http://127.0.0.1:1", SERVICE_TOKEN)
        actor = some_actor()
        digest = Digest.of(b"")
        for call in (
            content.stat_blob(IMAGE, digest),
            content.append(IMAGE, uuid4(), actor, Chunk(stream(b"x"))),
            content.tags(IMAGE, 5),
            read_all(content.read_blob(IMAGE, digest)),
        ):
            with pytest.raises(Unavailable) as refusal:
                await call
            assert "Retry-After" in refusal.value.headers


async def test_a_wrong_service_token_is_our_fault_not_the_callers() -> None:
    """Unavailable, never the 401 that would make a client send its credentials elsewhere."""
    async with served(application(MemoryStorage().content, SERVICE_TOKEN)) as url, client_session() as session:
        with pytest.raises(Unavailable):
            await DistributionClient(session, url, "mrg_svc_of_somebody").tags(IMAGE, 5)


async def test_storage_answers_nobody_without_the_token() -> None:
    """Not for an image, not for the internal paths; and a name is no image (R151)."""
    async with served(application(MemoryStorage().content, SERVICE_TOKEN)) as url, client_session() as session:
        for method, path in (
            ("GET", "/v2/"),
            ("GET", f"/v2/{IMAGE}/tags/list"),
            ("DELETE", f"/internal/v1/images/{IMAGE}"),
            ("PUT", f"/internal/v1/images/{IMAGE}/blobs/{Digest.of(b'')}?from={IMAGE}"),
        ):
            for shown in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer \xff"}):
                async with session.request(method, url + path, headers=shown) as response:
                    assert response.status == 401
        shown = {"Authorization": f"Bearer {SERVICE_TOKEN}"}
        async with session.get(f"{url}/v2/acme/app/tags/list", headers=shown) as response:
            assert response.status == 404
        async with session.get(f"{url}/elsewhere", headers=shown) as response:
            assert (response.status, (await response.json())["errors"][0]["code"]) == (404, "NAME_UNKNOWN")


async def test_an_answer_that_can_not_be_read_is_unavailable() -> None:
    """Whatever listens there."""

    async def odd(_request: web.Request) -> web.Response:
        return web.Response(body=b"{}", headers={"Docker-Upload-UUID": "no uuid"})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", odd)
    async with served(app) as url, client_session() as session:
        content = DistributionClient(session, url, SERVICE_TOKEN)
        with pytest.raises(Unavailable):
            await content.start_upload(IMAGE, some_actor(), DigestAlgorithm.SHA256)
        with pytest.raises(Unavailable):
            await content.tags(IMAGE, 5)


@pytest.mark.parametrize("token", ["", "short"])
def test_a_weak_service_token_is_refused_at_start(token: str) -> None:
    """R150."""
    with pytest.raises(ValueError):
        application(MemoryStorage().content, token)


@pytest.mark.parametrize("query", ["last=%00", "last=%C3%A4", f"last={'a' * 256}", "last=a&last=b", "n=x", "n=-1"])
async def test_a_page_of_deleted_tags_that_can_not_be_is_refused(query: str) -> None:
    """400 in the form of the distribution API, as for tags that are there (R40)."""
    async with served(application(MemoryStorage().content, SERVICE_TOKEN)) as url, client_session() as session:
        shown = {"Authorization": f"Bearer {SERVICE_TOKEN}"}
        path = inside.DELETED_TAGS_PATH.format(image=IMAGE)
        async with session.get(f"{url}{path}?{query}", headers=shown) as response:
            assert response.status == 400
            assert (await response.json())["errors"][0]["message"]


async def test_a_refusal_of_storage_is_no_outage(content: Content) -> None:
    """What storage refuses comes back as what it is."""
    with pytest.raises(RegistryError) as refused:
        await content.deleted_tags(IMAGE, 10, "\0")
    assert (refused.value.status, isinstance(refused.value, Unavailable)) == (400, False)
