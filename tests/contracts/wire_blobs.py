"""Blobs over the wire: reading, ranges, conditions, deletion (R7, R10, R11, R22, R23, R43)."""

import pytest

from contracts.wire_client import WireRegistry, absent
from moorage.oci.digest import Digest, DigestAlgorithm

EVERY_ALGORITHM = pytest.mark.parametrize("algorithm", list(DigestAlgorithm))
CONTENT = bytes(range(256)) * 20


class BlobWire:
    """What clients may rely on when they read and delete blobs."""

    @EVERY_ALGORITHM
    async def test_a_missing_blob_is_404(self, registry: WireRegistry, algorithm: DigestAlgorithm) -> None:
        """GET says BLOB_UNKNOWN, HEAD says nothing."""
        place = registry.at(f"blobs/{absent(algorithm)}")
        answer = await registry.ask("GET", place)
        assert (answer.status, answer.code) == (404, "BLOB_UNKNOWN")
        head = await registry.ask("HEAD", place)
        assert (head.status, head.body) == (404, b"")

    @EVERY_ALGORITHM
    @pytest.mark.parametrize("content", [CONTENT, b"", b"{}"])
    async def test_a_blob_is_read_as_it_was_pushed(
        self, registry: WireRegistry, algorithm: DigestAlgorithm, content: bytes
    ) -> None:
        """Exact length, the digest that was asked for, and HEAD like GET without a body (R7, R22)."""
        digest = await registry.push_blob(content, algorithm)
        for method, body in (("GET", content), ("HEAD", b"")):
            answer = await registry.ask(method, registry.at(f"blobs/{digest}"))
            assert (answer.status, answer.body) == (200, body)
            assert answer.headers["Content-Length"] == str(len(content))
            assert answer.headers["Docker-Content-Digest"] == str(digest)
            assert answer.headers["Accept-Ranges"] == "bytes"
            assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "private"
            assert answer.headers["Vary"] == "Authorization"

    @pytest.mark.parametrize(
        ("asked", "start", "stop"),
        [
            ("bytes=500-1499", 500, 1500),
            ("bytes=500-", 500, 5120),
            ("bytes=-500", 4620, 5120),
            ("bytes=2000-9000", 2000, 5120),
            ("bytes=-9000", 0, 5120),
            ("bytes=0-0", 0, 1),
        ],
    )
    async def test_a_range_is_a_part(self, registry: WireRegistry, asked: str, start: int, stop: int) -> None:
        """206 with the part, its place and its length (R10)."""
        digest = await registry.push_blob(CONTENT)
        answer = await registry.ask("GET", registry.at(f"blobs/{digest}"), headers={"Range": asked})
        assert (answer.status, answer.body) == (206, CONTENT[start:stop])
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/5120"
        assert answer.headers["Content-Length"] == str(stop - start)
        assert answer.headers["Docker-Content-Digest"] == str(digest)

    @pytest.mark.parametrize("asked", ["bytes=500-0", "bytes=5120-", "bytes=6000-10000", "bytes=-0"])
    async def test_a_range_outside_is_416(self, registry: WireRegistry, asked: str) -> None:
        """With the size of the blob, so that the client can ask again."""
        digest = await registry.push_blob(CONTENT)
        answer = await registry.ask("GET", registry.at(f"blobs/{digest}"), headers={"Range": asked})
        assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */5120")

    @pytest.mark.parametrize(
        "asked", ["bytes=0-1,3-4", "bytes=" + "0-1," * 1500, "lines=1-2", "bytes=a-b", "bytes=-", "bytes 0-1", "0-1"]
    )
    async def test_an_odd_range_is_the_whole_blob(self, registry: WireRegistry, asked: str) -> None:
        """Many ranges, other units, other syntax (CVE-2025-62727)."""
        digest = await registry.push_blob(CONTENT)
        answer = await registry.ask("GET", registry.at(f"blobs/{digest}"), headers={"Range": asked})
        assert (answer.status, answer.body) == (200, CONTENT)

    async def test_a_client_that_has_the_blob_gets_304(self, registry: WireRegistry) -> None:
        """If-None-Match with the entity tag, weak or among others, or any (R11)."""
        digest = await registry.push_blob(CONTENT)
        tag = (await registry.ask("HEAD", registry.at(f"blobs/{digest}"))).headers["ETag"]
        assert tag == f'"{digest}"'
        for value in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            for method in ("GET", "HEAD"):
                answer = await registry.ask(method, registry.at(f"blobs/{digest}"), headers={"If-None-Match": value})
                assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", tag)
        other = await registry.ask("GET", registry.at(f"blobs/{digest}"), headers={"If-None-Match": '"other"'})
        assert other.status == 200

    async def test_if_range_decides_about_the_range(self, registry: WireRegistry) -> None:
        """The same tag: the part. Another, a weak one or a date: the whole."""
        digest = await registry.push_blob(CONTENT)
        expected = {f'"{digest}"': 206, '"other"': 200, f'W/"{digest}"': 200, "Tue, 24 Nov 2026 00:00:00 GMT": 200}
        for value, status in expected.items():
            headers = {"Range": "bytes=0-9", "If-Range": value}
            assert (await registry.ask("GET", registry.at(f"blobs/{digest}"), headers=headers)).status == status

    async def test_a_deleted_blob_is_gone_from_this_image_only(self, registry: WireRegistry) -> None:
        """202, then 404 at once; another image that holds it keeps it (R43)."""
        digest = await registry.push_blob(b"in both")
        await registry.push_blob(b"in both", name=registry.other)
        assert (await registry.ask("DELETE", registry.at(f"blobs/{digest}"))).status == 202
        assert (await registry.ask("HEAD", registry.at(f"blobs/{digest}"))).status == 404
        assert (await registry.ask("DELETE", registry.at(f"blobs/{digest}"))).status == 404
        assert (await registry.ask("HEAD", registry.at(f"blobs/{digest}", registry.other))).status == 200

    async def test_a_digest_known_from_elsewhere_grants_nothing(self, registry: WireRegistry) -> None:
        """A blob is served through the image that holds it only (R67)."""
        digest = await registry.push_blob(b"only in the other", name=registry.other)
        assert (await registry.ask("GET", registry.at(f"blobs/{digest}"))).status == 404

    async def test_a_digest_may_come_with_an_encoded_colon(self, registry: WireRegistry) -> None:
        """Some clients encode it; nothing else may be encoded."""
        digest = await registry.push_blob(b"colon")
        assert (await registry.ask("GET", registry.at(f"blobs/sha256%3A{digest.hex}"))).status == 200

    async def test_another_algorithm_finds_only_what_was_computed(self, registry: WireRegistry) -> None:
        """Pushed by sha256, found by sha512 only as the same bytes, and announced in that algorithm (R7)."""
        content = b"pushed by sha256"
        await registry.push_blob(content)
        sha512 = Digest.of(content, DigestAlgorithm.SHA512)
        answer = await registry.ask("GET", registry.at(f"blobs/{sha512}"))
        assert answer.status == 404 or (answer.body, answer.headers["Docker-Content-Digest"]) == (content, str(sha512))
