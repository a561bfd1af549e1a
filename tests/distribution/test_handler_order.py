"""When the gate is asked, and what happens to bodies: refusals before bytes, cuts instead of half truths."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
import pytest

from contracts.samples import push_blob, some_actor
from contracts.storage_parts import MemoryStorage
from contracts.wire_client import Answer, WireRegistry
from distribution.open_gate import OpenGate, image_called
from distribution.served import client_session, registry_on, served
from moorage.distribution.content import Actor, Content, DamagedContent, ManifestPush, PushedManifest
from moorage.distribution.server.limits import Limits
from moorage.distribution.server.registry import LARGE_BYTES
from moorage.oci.byte_range import ByteRange
from moorage.oci.digest import Digest
from moorage.oci.errors import Denied, RegistryError, Unauthenticated, Unavailable
from moorage.oci.reference import Tag
from moorage.storage.uploads import UploadLimits

NAME = "acme/app"
SHA256 = Digest.of(b"x")


@asynccontextmanager
async def registry_behind(
    gate: OpenGate, content: Content | None = None, limits: Limits | None = None
) -> AsyncIterator[WireRegistry]:
    """A registry with this gate."""
    app = registry_on(content or MemoryStorage().content, gate, limits or Limits())
    async with served(app) as url, client_session() as session:
        yield WireRegistry(session, url, NAME, "acme/other")


@pytest.fixture
def gate() -> OpenGate:
    """A gate that notes what it is asked."""
    return OpenGate()


@pytest.mark.parametrize(
    ("method", "path", "asked"),
    [
        ("GET", "/v2/", ("ping", "")),
        ("GET", f"/v2/{NAME}/blobs/{SHA256}", ("admit", "pull")),
        ("HEAD", f"/v2/{NAME}/blobs/{SHA256}", ("admit", "pull")),
        ("DELETE", f"/v2/{NAME}/blobs/{SHA256}", ("admit_change", "delete")),
        ("GET", f"/v2/{NAME}/manifests/a", ("admit", "pull")),
        ("DELETE", f"/v2/{NAME}/manifests/a", ("admit_change", "delete-tag")),
        ("DELETE", f"/v2/{NAME}/manifests/{SHA256}", ("admit_change", "delete")),
        ("GET", f"/v2/{NAME}/tags/list", ("admit", "pull")),
        ("GET", f"/v2/{NAME}/tags/list?n=0", ("admit", "pull")),
        ("GET", f"/v2/{NAME}/referrers/{SHA256}", ("admit", "pull")),
        ("POST", f"/v2/{NAME}/blobs/uploads/", ("admit", "push")),
        ("GET", f"/v2/{NAME}/blobs/uploads/{image_called('x')}", ("admit", "push")),
        ("PATCH", f"/v2/{NAME}/blobs/uploads/{image_called('x')}", ("admit", "push")),
        ("PUT", f"/v2/{NAME}/blobs/uploads/{image_called('x')}?digest={SHA256}", ("admit", "push")),
        ("DELETE", f"/v2/{NAME}/blobs/uploads/{image_called('x')}", ("admit", "push")),
        ("PUT", f"/v2/{NAME}/manifests/a", ("admit", "push")),
    ],
)
async def test_each_request_asks_for_one_action(gate: OpenGate, method: str, path: str, asked: tuple[str, str]) -> None:
    """Before content is touched; whatever the gate raises is the answer, headers included."""
    challenge = {"WWW-Authenticate": 'Bearer realm="r"'}
    gate.refusals[asked[0]] = Unauthenticated("log in", headers=challenge)
    async with registry_behind(gate) as registry:
        answer = await registry.ask(method, path)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="r"')
        assert gate.asked == [asked]


async def test_a_malformed_request_asks_nobody(gate: OpenGate) -> None:
    """Syntax depends on nothing stored, so it comes first."""
    async with registry_behind(gate) as registry:
        for path in ("manifests/-", "tags/list?n=x", "referrers/x", "blobs/x"):
            assert (await registry.ask("GET", registry.at(path))).status == 400
        assert (await registry.ask("POST", registry.at("blobs/uploads/?digest=x"))).status == 400
    assert gate.asked == []


async def test_a_manifest_push_asks_before_and_after_its_body(gate: OpenGate) -> None:
    """Early, so that no body is read in vain; then the authority, whose token is stored with it."""
    async with registry_behind(gate) as registry:
        gate.asked.clear()
        document = await registry.image_manifest()
        gate.asked.clear()
        await registry.push_manifest(document, "a")
        assert gate.asked == [("admit", "push"), ("admit_change", "push")]
        await registry.ask("GET", registry.at("manifests/a"))
        assert gate.settled == ["zt1.1.7"]


async def test_lists_are_settled_by_what_they_tell(gate: OpenGate) -> None:
    """At the position of their newest entry; nothing to tell needs none. Our own positions stay inside (§3.5)."""
    async with registry_behind(gate) as registry:
        document = await registry.image_manifest()
        subject = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": str(SHA256), "size": 1}
        await registry.push_manifest({**document, "subject": subject}, "a")
        lists = ("tags/list", "tags/list?n=0", "tags/list?last=a", f"referrers/{SHA256}")
        answers = [await registry.ask("GET", registry.at(path)) for path in lists]
        assert gate.settled == ["zt1.1.7", "zt1.0.0", "zt1.0.0", "zt1.1.7"]
        assert {answer.status for answer in answers} == {200}
        assert not any("Moorage-Authz-Token" in answer.headers for answer in answers)


@pytest.mark.parametrize("path", ["manifests/a", "tags/list", f"referrers/{SHA256}"])
async def test_a_decision_that_can_not_be_settled_hands_nothing_out(gate: OpenGate, path: str) -> None:
    """503, with the time to wait (R74)."""
    gate.refusals["settle"] = Unavailable("not yet known here", retry_after_seconds=1)
    async with registry_behind(gate) as registry:
        await registry.push_manifest(await registry.image_manifest(), "a")
        answer = await registry.ask("GET", registry.at(path))
        assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "UNAVAILABLE", "1")


async def test_a_mount_source_that_the_token_does_not_cover_is_401(gate: OpenGate) -> None:
    """Decided on its name, after the target (protocol.md §7, 3); without `from` nobody is asked."""
    async with registry_behind(gate) as registry:
        gate.refusals["mount_source"] = Unauthenticated("ask for both scopes")
        query = f"blobs/uploads/?mount={SHA256}"
        assert (await registry.ask("POST", registry.at(f"{query}&from=acme/other"))).status == 401
        assert gate.asked == [("admit", "push"), ("mount_source", "")]
        assert (await registry.ask("POST", registry.at(query))).status == 202


@pytest.mark.parametrize("refusal", [Denied("no"), Unauthenticated("who?")])
@pytest.mark.parametrize(("method", "path"), [("POST", f"blobs/uploads/?digest={SHA256}"), ("PUT", "manifests/a")])
async def test_a_refused_push_is_answered_before_its_body(
    gate: OpenGate, refusal: RegistryError, method: str, path: str
) -> None:
    """Without `100 Continue`, and although the body never comes."""
    gate.refusals["push"] = refusal
    async with registry_behind(gate) as registry, connection(registry) as (reader, writer):
        writer.write(request(method, registry.at(path), "Content-Length: 1000000", "Expect: 100-continue"))
        assert await status(reader) == refusal.status


async def test_a_body_is_asked_for_when_it_is_wanted(gate: OpenGate) -> None:
    """`Expect: 100-continue` is answered once the gate has let the request in."""
    async with registry_behind(gate) as registry, connection(registry) as (reader, writer):
        path = f"/v2/{NAME}/blobs/uploads/?digest={SHA256}"
        writer.write(request("POST", path, "Content-Length: 1", "Expect: 100-continue"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"x")
        assert await status(reader) == 201


async def test_a_refused_stream_is_not_read_to_its_end(gate: OpenGate) -> None:
    """The answer comes while the client is still sending, and the client may believe it."""
    gate.refusals["push"] = Denied("no")

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100_000):
            yield b"x" * 65_536

    async with registry_behind(gate) as registry:
        path = registry.at(f"blobs/uploads/?digest={SHA256}")
        async with registry.asked("POST", path, data=endless()) as response:
            assert response.status == 403
            response.close()


async def test_a_client_that_leaves_keeps_what_arrived(gate: OpenGate) -> None:
    """GET tells the offset truthfully, and the upload goes on (R89)."""
    async with registry_behind(gate) as registry:
        location = await registry.start()
        async with connection(registry) as (_, writer):
            writer.write(request("PATCH", location, "Content-Length: 1000"))
            writer.write(b"0123456789")
            await writer.drain()
        answer = await registry.ask("GET", location)
        while answer.headers["Range"] == "0-0":  # the server learns of it when it reads the end of the stream
            answer = await registry.ask("GET", location)
        assert answer.headers["Range"] == "0-9"
        digest = Digest.of(b"0123456789abc")
        assert (await registry.ask("PUT", f"{location}?digest={digest}", data=b"abc")).status == 201


async def test_a_single_request_upload_that_fails_leaves_no_session(gate: OpenGate) -> None:
    """The client never learnt its id, so nobody else could end it: the one upload it may have open is free again."""
    storage = MemoryStorage(limits=UploadLimits(max_open_uploads=1))
    async with registry_behind(gate, storage.content) as registry:
        path = registry.at(f"blobs/uploads/?digest={SHA256}")
        answer = await registry.ask("POST", path, data=b"not x")
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
        async with connection(registry) as (_, writer):
            writer.write(request("POST", path, "Content-Length: 1000") + b"begun")
            await writer.drain()
        while (await registry.ask("POST", registry.at("blobs/uploads/"))).status == 429:
            pass  # the server learns that the client left when it reads the end of the stream


async def test_a_stalled_body_is_408(gate: OpenGate) -> None:
    """And what arrived is kept (R135)."""
    async with registry_behind(gate, limits=Limits(idle_body_seconds=0.05)) as registry:
        location = await registry.start()
        async with connection(registry) as (reader, writer):
            writer.write(request("PATCH", location, "Content-Length: 1000") + b"0123456789")
            assert await status(reader) == 408
        assert (await registry.ask("GET", location)).headers["Range"] == "0-9"


class SlowPuts:
    """Content whose manifests under one tag take as long as the test wants."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> object:
        return getattr(self._content, name)

    async def put_manifest(self, image: UUID, push: ManifestPush, actor: Actor) -> PushedManifest:
        """See Content."""
        if push.reference == Tag("slow"):
            self.begun.set()
            await self.may_end.wait()
        return await self._content.put_manifest(image, push, actor)


async def test_a_large_manifest_waits_for_its_turn_and_not_for_ever(gate: OpenGate) -> None:
    """503 with a time to wait; a small one waits for nobody, and whoever was refused has left the turn to others."""
    slow = SlowPuts(MemoryStorage().content)
    content: Content = slow  # type: ignore[assignment]  # the rest is delegated
    async with registry_behind(gate, content, Limits(turn_seconds=0.05)) as registry:
        small = await registry.image_manifest()
        large = {**small, "annotations": {"note": "x" * LARGE_BYTES}}

        async def pushed(document: Mapping[str, Any], tag: str) -> Answer:
            headers, body = {"Content-Type": small["mediaType"]}, json.dumps(document).encode()
            return await registry.ask("PUT", registry.at(f"manifests/{tag}"), headers=headers, data=body)

        first = asyncio.create_task(pushed(large, "slow"))
        await slow.begun.wait()
        refused = await pushed(large, "late")
        assert (refused.status, refused.code) == (503, "UNAVAILABLE")
        assert int(refused.headers["Retry-After"]) > 0
        assert (await pushed(small, "small")).status == 201
        slow.may_end.set()
        assert (await first).status == 201
        wrong = {**large, "schemaVersion": 1}
        assert [(await pushed(each, "next")).status for each in (wrong, large)] == [400, 201]


class FailingReads:
    """Content whose blobs fail while they are read."""

    def __init__(self, content: Content, failure: Exception | None, pieces: list[bytes]) -> None:
        self._content = content
        self._failure = failure
        self._pieces = pieces

    def __getattr__(self, name: str) -> object:
        return getattr(self._content, name)

    async def read_blob(self, image: UUID, digest: Digest, span: ByteRange | None = None) -> AsyncIterator[bytes]:
        """Some pieces, then the failure."""
        for piece in self._pieces:
            yield piece
        if self._failure:
            raise self._failure


@pytest.mark.parametrize("failure", [DamagedContent("flipped"), Unavailable("gone"), RuntimeError("bug"), None])
async def test_a_download_that_fails_is_cut(gate: OpenGate, failure: Exception | None) -> None:
    """Never a body that looks whole, neither with damage nor when the content is short (R92)."""
    content = MemoryStorage().content
    digest = await push_blob(content, image_called(NAME), b"x" * 600_000, some_actor())
    failing: Content = FailingReads(content, failure, [b"x" * 50_000])  # type: ignore[assignment]  # the rest is delegated
    async with registry_behind(gate, failing) as registry:
        async with registry.asked("GET", registry.at(f"blobs/{digest}")) as response:
            assert response.status == 200
            with pytest.raises(aiohttp.ClientError):
                await response.read()
        assert (await registry.ask("GET", "/v2/")).status == 200


@pytest.mark.parametrize("failure", [DamagedContent("flipped"), Unavailable("gone"), None])
async def test_a_small_download_that_fails_is_answered(gate: OpenGate, failure: Exception | None) -> None:
    """It is read whole before its head goes out, so an error can still be told (R92)."""
    content = MemoryStorage().content
    digest = await push_blob(content, image_called(NAME), b"x" * 1000, some_actor())
    failing: Content = FailingReads(content, failure, [b"x" * 500])  # type: ignore[assignment]  # the rest is delegated
    async with registry_behind(gate, failing) as registry:
        assert (await registry.ask("GET", registry.at(f"blobs/{digest}"))).status >= 500


async def test_a_failure_before_the_first_byte_is_answered(gate: OpenGate) -> None:
    """With its code, not with a cut."""
    content = MemoryStorage().content
    digest = await push_blob(content, image_called(NAME), b"x", some_actor())
    failing: Content = FailingReads(content, Unavailable("gone"), [])  # type: ignore[assignment]  # as above
    async with registry_behind(gate, failing) as registry:
        assert (await registry.ask("GET", registry.at(f"blobs/{digest}"))).status == 503


async def test_a_bug_is_500_without_detail(gate: OpenGate) -> None:
    """Only "something went wrong": no text of the exception (R6)."""
    content = MemoryStorage().content
    digest = await push_blob(content, image_called(NAME), b"x", some_actor())
    failing: Content = FailingReads(content, RuntimeError("SELECT secret"), [])  # type: ignore[assignment]  # as above
    async with registry_behind(gate, failing) as registry:
        answer = await registry.ask("GET", registry.at(f"blobs/{digest}"))
        assert (answer.status, answer.code) == (500, "UNKNOWN")
        assert b"secret" not in answer.body


@asynccontextmanager
async def connection(registry: WireRegistry) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection to the registry."""
    place = urlsplit(registry.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


def request(method: str, path: str, *headers: str) -> bytes:
    """The head of a request."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


async def status(reader: asyncio.StreamReader) -> int:
    """The status of the answer that comes next."""
    head = await reader.readuntil(b"\r\n\r\n")
    return int(head.split()[1])
