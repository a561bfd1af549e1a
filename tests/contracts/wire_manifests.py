"""Manifests and tags over the wire: pushing, reading, deleting (R7 to R9, R24 to R33, R41)."""

import json
from typing import Any

import pytest

from contracts.wire_client import Answer, WireRegistry, absent, descriptor
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.media_types import ManifestType

IMAGE, INDEX = ManifestType.OCI_IMAGE.value, ManifestType.OCI_INDEX.value
EMPTY = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": str(Digest.of(b"{}")), "size": 2}


class ManifestWire:
    """What clients may rely on when they push, read and delete manifests and tags."""

    @pytest.mark.parametrize("reference", ["missing", str(absent()), str(absent(DigestAlgorithm.SHA512))])
    async def test_a_missing_manifest_is_404(self, registry: WireRegistry, reference: str) -> None:
        """By tag and by digest; HEAD without a body."""
        answer = await registry.ask("GET", registry.at(f"manifests/{reference}"))
        assert (answer.status, answer.code) == (404, "MANIFEST_UNKNOWN")
        head = await registry.ask("HEAD", registry.at(f"manifests/{reference}"))
        assert (head.status, head.body) == (404, b"")

    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
    async def test_a_malformed_digest_is_400(self, registry: WireRegistry, method: str) -> None:
        """Never 5xx (R3, R4)."""
        answer = await registry.ask(method, registry.at("manifests/sha256:baddigeststring"))
        assert answer.status == 400
        assert method == "HEAD" or answer.code == "DIGEST_INVALID"

    @pytest.mark.parametrize("accept", [None, "*/*", INDEX, "text/html, application/json;q=0.1"])
    async def test_a_manifest_is_read_as_it_was_pushed(self, registry: WireRegistry, accept: str | None) -> None:
        """By tag and digest, whatever Accept says: bytes, type, length, digest, entity tag (R7 to R9)."""
        digest, body = await registry.push_manifest(await registry.image_manifest(), "stable")
        for reference in ("stable", str(digest)):
            for method, expected in (("GET", body), ("HEAD", b"")):
                headers = {"Accept": accept} if accept else {}
                answer = await registry.ask(method, registry.at(f"manifests/{reference}"), headers=headers)
                assert (answer.status, answer.body) == (200, expected)
                assert answer.headers["Content-Type"] == IMAGE
                assert answer.headers["Content-Length"] == str(len(body))
                assert answer.headers["Docker-Content-Digest"] == str(digest)
                assert answer.headers["ETag"] == f'"{digest}"'
                assert answer.headers["X-Content-Type-Options"] == "nosniff"

    async def test_a_client_that_has_the_manifest_gets_304(self, registry: WireRegistry) -> None:
        """Also by tag (R11)."""
        digest, _ = await registry.push_manifest(await registry.image_manifest(), "known")
        answer = await registry.ask("GET", registry.at("manifests/known"), headers={"If-None-Match": f'"{digest}"'})
        assert (answer.status, answer.body) == (304, b"")

    async def test_the_type_is_kept_without_its_parameters(self, registry: WireRegistry) -> None:
        """R8."""
        body = json.dumps(await registry.image_manifest("parameters")).encode()
        answer = await put(registry, "parameters", body, f"{IMAGE}; charset=utf-8")
        assert answer.status == 201
        assert (await registry.ask("GET", answer.headers["Location"])).headers["Content-Type"] == IMAGE

    async def test_what_was_pushed_is_told(self, registry: WireRegistry) -> None:
        """The location can be pulled, the digest is announced; no subject, no OCI-Subject."""
        body = json.dumps(await registry.image_manifest("told")).encode()
        answer = await put(registry, "told", body)
        assert answer.status == 201
        assert answer.headers["Location"] == registry.at(f"manifests/{Digest.of(body)}")
        assert answer.headers["Docker-Content-Digest"] == str(Digest.of(body))
        assert "OCI-Subject" not in answer.headers
        assert (await registry.ask("GET", answer.headers["Location"])).body == body

    async def test_a_manifest_is_pushed_and_pulled_by_sha512(self, registry: WireRegistry) -> None:
        """R23."""
        body = json.dumps(await registry.image_manifest("sha512")).encode()
        digest = Digest.of(body, DigestAlgorithm.SHA512)
        answer = await put(registry, str(digest), body)
        assert (answer.status, answer.headers["Docker-Content-Digest"]) == (201, str(digest))
        pulled = await registry.ask("GET", registry.at(f"manifests/{digest}"))
        assert (pulled.body, pulled.headers["Docker-Content-Digest"]) == (body, str(digest))

    async def test_a_manifest_under_a_wrong_digest_is_refused(self, registry: WireRegistry) -> None:
        """400 DIGEST_INVALID."""
        body = json.dumps(await registry.image_manifest("wrong")).encode()
        answer = await put(registry, str(absent()), body)
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")

    async def test_a_manifest_of_3_9_megabytes_is_taken(self, registry: WireRegistry) -> None:
        """390 annotations of 10 000 bytes (R24)."""
        annotations = {f"key-{number:03}": "a" * 10_000 for number in range(390)}
        digest, body = await registry.push_manifest(await registry.image_manifest("big", annotations=annotations))
        assert (await registry.ask("GET", registry.at(f"manifests/{digest}"))).body == body

    @pytest.mark.parametrize("announced", [True, False])
    async def test_a_manifest_past_4_mebibytes_is_413(self, registry: WireRegistry, announced: bool) -> None:
        """Also where its length is not announced (R24)."""

        async def flow() -> Any:
            for _ in range(65):
                yield b" " * 65_536

        answer = await put(registry, "large", b" " * (4 * 2**20 + 1) if announced else flow())
        assert (answer.status, answer.code) == (413, "SIZE_INVALID")

    @pytest.mark.parametrize("members", [{"x": {"unknown": [1]}}, {"layers": []}, {"artifactType": "a/unknown"}])
    async def test_unknown_members_and_no_layers_are_kept(
        self, registry: WireRegistry, members: dict[str, Any]
    ) -> None:
        """Returned unchanged (R25)."""
        digest, body = await registry.push_manifest(await registry.image_manifest("kept", **members))
        assert (await registry.ask("GET", registry.at(f"manifests/{digest}"))).body == body

    async def test_an_artifact_with_data_and_an_empty_config_is_taken(self, registry: WireRegistry) -> None:
        """As ORAS and cosign push them (R25)."""
        await registry.push_blob(b"{}")
        document = {"schemaVersion": 2, "mediaType": IMAGE, "artifactType": "application/vnd.test", "config": EMPTY}
        await registry.push_manifest({**document, "layers": [{**EMPTY, "data": "e30="}]}, "artifact")

    async def test_indexes_nest_and_may_be_empty(self, registry: WireRegistry) -> None:
        """An index of an image, an index of that index, an index of nothing (R25)."""
        _, body = await registry.push_manifest(await registry.image_manifest("leaf"))
        empty = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
        await registry.push_manifest(empty)
        _, body = await registry.push_manifest({**empty, "manifests": [descriptor(body, IMAGE)]})
        digest, body = await registry.push_manifest({**empty, "manifests": [descriptor(body, INDEX)]}, "nested")
        assert (await registry.ask("GET", registry.at(f"manifests/{digest}"))).body == body

    async def test_indexes_nest_eight_deep(self, registry: WireRegistry) -> None:
        """And no deeper, so that whoever walks them has an end."""
        _, body = await registry.push_manifest(await registry.image_manifest("bottom"))
        kind, empty = IMAGE, {"schemaVersion": 2, "mediaType": INDEX}
        for _ in range(8):
            _, body = await registry.push_manifest({**empty, "manifests": [descriptor(body, kind)]})
            kind = INDEX
        deeper = json.dumps({**empty, "manifests": [descriptor(body, INDEX)]}).encode()
        answer = await put(registry, "deeper", deeper, INDEX)
        assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")

    async def test_a_manifest_with_missing_content_is_refused(self, registry: WireRegistry) -> None:
        """A layer, a child; but neither a subject nor a nondistributable layer (R26)."""
        document = await registry.image_manifest("missing")
        layer = descriptor(b"never pushed", "application/vnd.oci.image.layer.v1.tar")
        index: dict[str, Any] = {"schemaVersion": 2, "mediaType": INDEX}
        index["manifests"] = [descriptor(b"never pushed", IMAGE)]
        for refused in ({**document, "layers": [layer]}, index):
            answer = await put(registry, "refused", json.dumps(refused).encode(), refused["mediaType"])
            assert (answer.status, answer.code) == (400, "MANIFEST_BLOB_UNKNOWN")
        foreign = {**layer, "urls": ["https://example.com/layer"]}
        foreign["mediaType"] = "application/vnd.oci.image.layer.nondistributable.v1.tar"
        await registry.push_manifest({**document, "layers": [foreign]}, "foreign")

    @pytest.mark.parametrize(
        ("body", "content_type", "status"),
        [
            (b"", IMAGE, 400),
            (b"[]", IMAGE, 400),
            (b"{", IMAGE, 400),
            (b'{"a":1,"a":2}', IMAGE, 400),
            (b"\xef\xbb\xbf{}", IMAGE, 400),
            (b"[" * 100_000, IMAGE, 400),
            (b"{}", "text/html", 415),
            (b"{}", "application/vnd.docker.distribution.manifest.v1+prettyjws", 415),
        ],
    )
    async def test_what_is_no_manifest_is_refused(
        self, registry: WireRegistry, body: bytes, content_type: str, status: int
    ) -> None:
        """400 or 415, never 5xx (R27 to R29)."""
        answer = await put(registry, "refused", body, content_type)
        assert answer.status in (status, 400)
        assert answer.code in ("MANIFEST_INVALID", "UNSUPPORTED")

    async def test_a_compressed_body_is_refused(self, registry: WireRegistry) -> None:
        """415: content is what is sent (R137)."""
        headers = {"Content-Type": IMAGE, "Content-Encoding": "gzip"}
        answer = await registry.ask("PUT", registry.at("manifests/zipped"), headers=headers, data=b"{}")
        assert (answer.status, answer.code) == (415, "UNSUPPORTED")

    async def test_further_tags_come_with_a_push_by_digest(self, registry: WireRegistry) -> None:
        """`?tag=`: all of them, announced in OCI-Tag (R31)."""
        body = json.dumps(await registry.image_manifest("tags")).encode()
        tags = [f"t{number}" for number in range(12)]
        query = "?" + "&".join(f"tag={tag}" for tag in tags)
        answer = await put(registry, f"{Digest.of(body)}{query}", body)
        announced = {tag.strip() for line in answer.all_headers["OCI-Tag"] for tag in line.split(",")}
        assert (answer.status, announced) == (201, set(tags))
        for tag in tags:
            assert (await registry.ask("GET", registry.at(f"manifests/{tag}"))).body == body

    async def test_too_many_or_malformed_tags_change_nothing(self, registry: WireRegistry) -> None:
        """414 and 400, before anything is written (R31)."""
        body = json.dumps(await registry.image_manifest("many")).encode()
        many = await put(registry, f"{Digest.of(body)}?" + "&".join(f"tag=m{n}" for n in range(47)), body)
        odd = await put(registry, f"{Digest.of(body)}?tag=fine&tag=-odd", body)
        assert (many.status, odd.status, odd.code) == (414, 400, "NAME_INVALID")
        for reference in ("m0", "fine", str(Digest.of(body))):
            assert (await registry.ask("HEAD", registry.at(f"manifests/{reference}"))).status == 404

    async def test_a_tag_moves_and_is_seen_at_once(self, registry: WireRegistry) -> None:
        """R47."""
        for text in ("one", "two"):
            digest, _ = await registry.push_manifest(await registry.image_manifest(text), "moving")
            head = await registry.ask("HEAD", registry.at("manifests/moving"))
            assert head.headers["Docker-Content-Digest"] == str(digest)

    async def test_deleting_a_tag_leaves_the_manifest(self, registry: WireRegistry) -> None:
        """Only the tag goes (R41)."""
        digest, _ = await registry.push_manifest(await registry.image_manifest("untagged"), "short")
        assert (await registry.ask("DELETE", registry.at("manifests/short"))).status == 202
        assert (await registry.ask("HEAD", registry.at("manifests/short"))).status == 404
        assert (await registry.ask("HEAD", registry.at(f"manifests/{digest}"))).status == 200
        assert (await registry.ask("DELETE", registry.at("manifests/short"))).status == 404

    async def test_deleting_a_manifest_takes_its_tags(self, registry: WireRegistry) -> None:
        """Both are 404 at once (R41)."""
        digest, _ = await registry.push_manifest(await registry.image_manifest("gone"), "gone")
        assert (await registry.ask("DELETE", registry.at(f"manifests/{digest}"))).status == 202
        for reference in ("gone", str(digest)):
            assert (await registry.ask("GET", registry.at(f"manifests/{reference}"))).status == 404
        assert (await registry.ask("DELETE", registry.at(f"manifests/{digest}"))).status == 404


async def put(registry: WireRegistry, reference: str, body: Any, content_type: str = IMAGE) -> Answer:
    """Pushes a manifest body."""
    path = registry.at(f"manifests/{reference}")
    return await registry.ask("PUT", path, headers={"Content-Type": content_type}, data=body)
