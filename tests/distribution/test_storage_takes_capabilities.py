"""Storage takes an edge's request for the gateway's word, and for nothing but what the word says."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final
from uuid import UUID, uuid4

import aiohttp
import pytest

from contracts.samples import push_blob, read_all, some_actor
from contracts.storage_parts import MemoryStorage
from distribution.served import client_session, served
from moorage.distribution.capability import Capability, CapabilitySigner
from moorage.distribution.content import Content
from moorage.distribution.headers import CAPABILITY
from moorage.oci.digest import Digest
from moorage.storage.http.application import application

SERVICE_TOKEN: Final = "mrg_svc_for_tests_only"
SIGNER: Final = CapabilitySigner(SERVICE_TOKEN)
ALICE: Final = some_actor()
IMAGE: Final = UUID("00000000-0000-0000-0000-00000000000a")
NAME: Final = "acme/hello/tool"
CONTENT: Final = b"bytes that pass the edge"


class Site:
    """Storage on memory, and an edge's requests to it."""

    def __init__(self, content: Content, client: aiohttp.ClientSession, url: str) -> None:
        self.content = content
        self._client = client
        self._url = url

    async def ask(
        self, method: str, target: str, given: Capability, body: bytes = b""
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """The answer to a request that shows the capability, and its body."""
        shown = {CAPABILITY: SIGNER.sign(given)}
        async with self._client.request(method, self._url + target, headers=shown, data=body) as answer:
            return answer, await answer.read()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A running storage."""
    content = MemoryStorage().content
    async with served(application(content, SERVICE_TOKEN)) as url, client_session() as session:
        yield Site(content, session, url)


def capability(method: str, target: str, seconds: float = 30) -> Capability:
    """What the gateway would say of alice's request."""
    return Capability(method, target, NAME, ALICE, int(time.time() + seconds))


async def test_an_upload_and_a_download_pass(site: Site) -> None:
    """The answers name the image as the client does, and tell nothing that is said between services."""
    session = await site.content.start_upload(IMAGE, ALICE, Digest.of(CONTENT).algorithm)
    place, digest = f"/v2/{IMAGE}/blobs/uploads/{session.id}", Digest.of(CONTENT)
    appended, _ = await site.ask("PATCH", place, capability("PATCH", place), CONTENT)
    assert (appended.status, appended.headers["Location"]) == (202, f"/v2/{NAME}/blobs/uploads/{session.id}")
    close = f"{place}?digest={digest}"
    closed, _ = await site.ask("PUT", close, capability("PUT", close))
    assert (closed.status, closed.headers["Location"]) == (201, f"/v2/{NAME}/blobs/{digest}")
    blob = f"/v2/{IMAGE}/blobs/{digest}"
    got, body = await site.ask("GET", blob, capability("GET", blob))
    assert (got.status, body) == (200, CONTENT)
    assert [name for answer in (appended, closed, got) for name in answer.headers if name.startswith("Moorage-")] == []
    assert await read_all(site.content.read_blob(IMAGE, digest)) == CONTENT


async def test_another_principals_session_stays_closed(site: Site) -> None:
    """Storage holds the actor of the capability against the session, as it does the gateway's."""
    session = await site.content.start_upload(IMAGE, some_actor(), Digest.of(CONTENT).algorithm)
    place = f"/v2/{IMAGE}/blobs/uploads/{session.id}"
    stranger = replace(capability("PATCH", place), actor=replace(ALICE, principal="user:mallory"))
    answer, _ = await site.ask("PATCH", place, stranger, CONTENT)
    assert answer.status == 404


async def test_one_request_and_no_other(site: Site) -> None:
    """Another image, digest, method or query; too late: 503. What the public protocol has no words for stays closed."""
    digest = await push_blob(site.content, IMAGE, CONTENT, ALICE)
    blob, other = f"/v2/{IMAGE}/blobs/{digest}", f"/v2/{uuid4()}/blobs/{digest}"
    good = capability("GET", blob)
    refused = [
        await site.ask("GET", other, good),
        await site.ask("GET", f"{blob}?x=1", good),
        await site.ask("HEAD", blob, good),
        await site.ask("DELETE", blob, good),
        await site.ask("GET", f"/v2/{IMAGE}/tags/list", good),
        await site.ask("GET", f"/v2/{IMAGE}/blobs/{Digest.of(b'another')}", good),
    ]
    assert [answer.status for answer, _ in refused] == [503] * len(refused)
    closed = [await site.ask("DELETE", f"/internal/v1/images/{IMAGE}", good), await site.ask("GET", "/v2/", good)]
    assert [answer.status for answer, _ in closed] == [401, 401]
    late, _ = await site.ask("GET", blob, capability("GET", blob, seconds=-1))
    in_time, _ = await site.ask("GET", blob, good)
    assert (late.status, in_time.status) == (503, 200)
