"""Uploads over the wire: sessions, chunks, single requests, mounts, cancelling (R12 to R21, R68)."""

import re
import uuid
from collections.abc import AsyncIterator

import pytest

from contracts.wire_client import Answer, WireRegistry, absent
from moorage.oci.digest import Digest, DigestAlgorithm

EVERY_ALGORITHM = pytest.mark.parametrize("algorithm", list(DigestAlgorithm))
CONTENT = b"0123456789" * 3


class UploadWire:
    """What clients may rely on when they push blobs."""

    async def test_a_session_is_opened_at_a_location_of_its_own(self, registry: WireRegistry) -> None:
        """Same origin, named by a UUID, empty (R12)."""
        answer = await registry.ask("POST", registry.at("blobs/uploads/"))
        session = answer.headers["Docker-Upload-UUID"]
        assert (answer.status, answer.headers["Range"]) == (202, "0-0")
        assert answer.headers["Location"] == registry.at(f"blobs/uploads/{session}")
        assert str(uuid.UUID(session)) == session

    @EVERY_ALGORITHM
    async def test_a_blob_is_stored_in_one_request(self, registry: WireRegistry, algorithm: DigestAlgorithm) -> None:
        """POST with digest and body (R13); the location is the blob's."""
        digest = Digest.of(CONTENT, algorithm)
        answer = await registry.ask("POST", registry.at(f"blobs/uploads/?digest={digest}"), data=CONTENT)
        assert (answer.status, answer.headers["Docker-Content-Digest"]) == (201, str(digest))
        assert answer.headers["Location"] == registry.at(f"blobs/{digest}")
        assert (await registry.ask("GET", answer.headers["Location"])).body == CONTENT

    @EVERY_ALGORITHM
    @pytest.mark.parametrize("announced", [True, False])
    async def test_a_blob_is_stored_in_post_and_put(
        self, registry: WireRegistry, algorithm: DigestAlgorithm, announced: bool
    ) -> None:
        """With and without `digest-algorithm` (R23)."""
        digest = Digest.of(CONTENT, algorithm)
        location = await registry.start(f"?digest-algorithm={algorithm}" if announced else "")
        answer = await registry.ask("PUT", f"{location}?digest={digest}", data=CONTENT)
        assert (answer.status, answer.headers["Docker-Content-Digest"]) == (201, str(digest))
        assert (await registry.ask("GET", answer.headers["Location"])).body == CONTENT

    @EVERY_ALGORITHM
    @pytest.mark.parametrize("last_in_put", [True, False])
    async def test_chunks_make_a_blob(
        self, registry: WireRegistry, algorithm: DigestAlgorithm, last_in_put: bool
    ) -> None:
        """Three with Content-Range, the last one perhaps in the closing PUT; each answer tells the offset."""
        digest, location = Digest.of(CONTENT, algorithm), await registry.start()
        chunks = [(start, CONTENT[start : start + 10]) for start in (0, 10, 20)]
        for start, chunk in chunks[: 2 if last_in_put else 3]:
            span = {"Content-Range": f"{start}-{start + 9}"}
            answer = await registry.ask("PATCH", location, headers=span, data=chunk)
            assert (answer.status, answer.headers["Range"]) == (202, f"0-{start + 9}")
            location = answer.headers["Location"]
        last, span = (chunks[2][1], {"Content-Range": "20-29"}) if last_in_put else (None, {})
        closed = await registry.ask("PUT", f"{location}?digest={digest}", headers=span, data=last)
        assert closed.status == 201
        assert (await registry.ask("GET", closed.headers["Location"])).body == CONTENT

    @pytest.mark.parametrize("span", ["0-29", "bytes 0-29/30", "bytes 0-29/*", "bytes=0-29", None])
    async def test_content_range_has_many_spellings(self, registry: WireRegistry, span: str | None) -> None:
        """Also none at all (R14)."""
        location = await registry.start()
        headers = {"Content-Range": span} if span else {}
        assert (await registry.ask("PATCH", location, headers=headers, data=CONTENT)).status == 202

    async def test_a_stream_of_unknown_length_is_appended(self, registry: WireRegistry) -> None:
        """Chunked transfer encoding."""
        location = await registry.start()
        assert (await registry.ask("PATCH", location, data=stream(CONTENT))).headers["Range"] == "0-29"
        digest = Digest.of(CONTENT)
        assert (await registry.ask("PUT", f"{location}?digest={digest}")).status == 201

    @pytest.mark.parametrize("method", ["PATCH", "PUT"])
    @pytest.mark.parametrize("span", ["20-29", "0-9"])
    async def test_a_chunk_out_of_order_changes_nothing(self, registry: WireRegistry, method: str, span: str) -> None:
        """416; GET tells where to go on, and the upload completes (R14 to R16)."""
        location, digest = await registry.start(), Digest.of(CONTENT)
        await registry.ask("PATCH", location, headers={"Content-Range": "0-9"}, data=CONTENT[:10])
        query = f"?digest={digest}" if method == "PUT" else ""
        refused = await registry.ask(method, location + query, headers={"Content-Range": span}, data=CONTENT[20:])
        assert (refused.status, refused.code) == (416, "BLOB_UPLOAD_INVALID")
        assert (refused.headers["Range"], refused.headers["Location"]) == ("0-9", location)
        told = await registry.ask("GET", location)
        assert (told.status, told.headers["Range"], told.headers["Location"]) == (204, "0-9", location)
        span_left = {"Content-Range": "10-29"}
        last = await registry.ask("PUT", f"{location}?digest={digest}", headers=span_left, data=CONTENT[10:])
        assert last.status == 201

    async def test_an_empty_session_tells_an_empty_range(self, registry: WireRegistry) -> None:
        """`0-0`, never `0--1` (R15)."""
        assert (await registry.ask("GET", await registry.start())).headers["Range"] == "0-0"

    async def test_a_length_that_is_not_the_announced_one_is_refused(self, registry: WireRegistry) -> None:
        """SIZE_INVALID, and the session is as it was."""
        location = await registry.start()
        answer = await registry.ask("PATCH", location, headers={"Content-Range": "0-29"}, data=CONTENT[:7])
        assert (answer.status, answer.code) == (400, "SIZE_INVALID")
        streamed = await registry.ask("PATCH", location, headers={"Content-Range": "0-29"}, data=stream(CONTENT[:7]))
        assert (streamed.status, streamed.code) == (400, "SIZE_INVALID")
        assert (await registry.ask("GET", location)).headers["Range"] == "0-0"

    @EVERY_ALGORITHM
    @pytest.mark.parametrize("form", ["single", "put", "chunks", "last chunk in put", "stream"])
    async def test_a_wrong_digest_leaves_nothing(
        self, registry: WireRegistry, algorithm: DigestAlgorithm, form: str
    ) -> None:
        """400 DIGEST_INVALID; nothing is readable under either digest (R16)."""
        content = f"{form} {algorithm}".encode()
        wrong, right = absent(algorithm), Digest.of(content, algorithm)
        answer = await _push(registry, form, content, wrong)
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
        for digest in (wrong, right):
            assert (await registry.ask("HEAD", registry.at(f"blobs/{digest}"))).status == 404

    async def test_a_cancelled_session_is_gone(self, registry: WireRegistry) -> None:
        """204, then 404 BLOB_UPLOAD_UNKNOWN, for every method (R17)."""
        location = await registry.start()
        assert (await registry.ask("DELETE", location)).status == 204
        for method, query in (("GET", ""), ("PATCH", ""), ("PUT", f"?digest={absent()}"), ("DELETE", "")):
            answer = await registry.ask(method, location + query, data=b"x" if method[0] == "P" else None)
            assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")

    async def test_a_repeated_closing_put_does_no_harm(self, registry: WireRegistry) -> None:
        """201 again or 404; the blob is there (R18)."""
        location, digest = await registry.start(), Digest.of(CONTENT)
        assert (await registry.ask("PUT", f"{location}?digest={digest}", data=CONTENT)).status == 201
        assert (await registry.ask("PUT", f"{location}?digest={digest}", data=CONTENT)).status in (201, 404)
        assert (await registry.ask("HEAD", registry.at(f"blobs/{digest}"))).status == 200

    async def test_a_session_belongs_to_its_image(self, registry: WireRegistry) -> None:
        """Under another image's name it does not exist (R68)."""
        location = await registry.start()
        elsewhere = location.replace(registry.name, registry.other, 1)
        answer = await registry.ask("GET", elsewhere)
        assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")

    @EVERY_ALGORITHM
    async def test_a_blob_is_mounted_from_a_readable_image(
        self, registry: WireRegistry, algorithm: DigestAlgorithm
    ) -> None:
        """201, and it is there without an upload (R20)."""
        digest = await registry.push_blob(b"mounted", algorithm, registry.other)
        answer = await registry.ask("POST", registry.at(f"blobs/uploads/?mount={digest}&from={registry.other}"))
        assert (answer.status, answer.headers["Location"]) == (201, registry.at(f"blobs/{digest}"))
        assert answer.headers["Docker-Content-Digest"] == str(digest)
        assert (await registry.ask("GET", answer.headers["Location"])).body == b"mounted"

    @pytest.mark.parametrize("source", ["&from={other}", "&from={other}-that-is-not", ""])
    async def test_a_mount_that_can_not_be_is_an_upload(self, registry: WireRegistry, source: str) -> None:
        """The blob, the image or `from` is missing: one and the same 202, with a session that works (R20, R21)."""
        content = f"not there {source}".encode()
        digest = Digest.of(content)
        query = f"?mount={digest}{source.format(other=registry.other)}"
        answer = await registry.ask("POST", registry.at(f"blobs/uploads/{query}"))
        assert (answer.status, answer.headers["Range"]) == (202, "0-0")
        location = answer.headers["Location"]
        assert re.fullmatch(r".*/blobs/uploads/[0-9a-f-]{36}", location)
        assert (await registry.ask("PUT", f"{location}?digest={digest}", data=content)).status == 201


async def stream(content: bytes) -> AsyncIterator[bytes]:
    """The content byte by byte, with no length announced."""
    for at in range(len(content)):
        yield content[at : at + 1]


async def _push(registry: WireRegistry, form: str, content: bytes, digest: Digest) -> Answer:
    if form == "single":
        return await registry.ask("POST", registry.at(f"blobs/uploads/?digest={digest}"), data=content)
    location = await registry.start()
    rest: bytes | None = content
    if form == "stream":
        await registry.ask("PATCH", location, data=stream(content))
        rest = None
    elif form != "put":
        await registry.ask("PATCH", location, headers={"Content-Range": "0-3"}, data=content[:4])
        rest = content[4:]
    if form == "chunks":
        await registry.ask("PATCH", location, data=rest)
        rest = None
    return await registry.ask("PUT", f"{location}?digest={digest}", data=rest)
