"""`/v2/`, tags lists and referrers over the wire (R1, R33 to R40)."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from contracts.wire_client import WireRegistry, absent, descriptor
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.media_types import ManifestType

INDEX = ManifestType.OCI_INDEX.value


class ListWire:
    """What clients may rely on when they list."""

    async def test_the_root_says_that_this_is_a_registry(self, registry: WireRegistry) -> None:
        """200 for a valid credential; GET and HEAD (R1)."""
        for method in ("GET", "HEAD"):
            answer = await registry.ask(method, "/v2/")
            assert (answer.status, answer.headers["Docker-Distribution-Api-Version"]) == (200, "registry/2.0")

    async def test_an_image_without_content_has_no_tags(self, registry: WireRegistry) -> None:
        """An empty list, never null (R38)."""
        answer = await registry.ask("GET", registry.at("tags/list"))
        assert (answer.status, answer.document) == (200, {"name": registry.name, "tags": []})

    async def test_tags_come_by_code_point(self, registry: WireRegistry) -> None:
        """R37."""
        tags = ["b", "B", "_a", "a", "a.b", "a-b", "10", "9", "ab"]
        await tagged(registry, *tags)
        assert (await registry.ask("GET", registry.at("tags/list"))).document["tags"] == sorted(tags)

    @pytest.mark.parametrize("n", [1, 2, 3, 7, 100])
    async def test_pages_joined_are_the_whole(self, registry: WireRegistry, n: int) -> None:
        """Each short page links to the next, also where one tag is a prefix of another (R37, R39)."""
        tags = sorted(["1", "1.2", "1.2.3", "1-2", "1_2", "2"])
        await tagged(registry, *tags)
        found: list[str] = []
        page: str | None = registry.at(f"tags/list?n={n}")
        while page:
            answer = await registry.ask("GET", page)
            assert len(answer.document["tags"]) <= n
            found += answer.document["tags"]
            page = answer.next_page
            assert page is None or page.startswith(registry.at("tags/list?"))
        assert found == tags

    async def test_last_is_exclusive_and_need_not_exist(self, registry: WireRegistry) -> None:
        """R37."""
        await tagged(registry, "a", "c", "e")
        expected = {"a": ["c", "e"], "b": ["c", "e"], "e": [], "z": [], "": ["a", "c", "e"], "~": []}
        for last, tags in expected.items():
            answer = await registry.ask("GET", registry.at(f"tags/list?last={last}"))
            assert (answer.document["tags"], answer.next_page) == (tags, None)

    async def test_no_entries_may_be_asked_for(self, registry: WireRegistry) -> None:
        """`n=0`: an empty list without a link (R38)."""
        await tagged(registry, "a")
        answer = await registry.ask("GET", registry.at("tags/list?n=0"))
        assert (answer.status, answer.document["tags"], answer.next_page) == (200, [], None)

    @pytest.mark.parametrize("n", ["1001", "99999999999999999999", "9" * 5000])
    async def test_a_large_page_is_clamped(self, registry: WireRegistry, n: str) -> None:
        """Not refused (R40)."""
        await tagged(registry, "a")
        assert (await registry.ask("GET", registry.at(f"tags/list?n={n}"))).document["tags"] == ["a"]

    @pytest.mark.parametrize("n", ["-1", "a", "", "1.0", "+1", "%31%00", "1e3", "\u0661"])
    async def test_a_page_size_that_is_no_number_is_400(self, registry: WireRegistry, n: str) -> None:
        """R40."""
        answer = await registry.ask("GET", registry.at(f"tags/list?n={quote(n, safe='%+')}"))
        assert (answer.status, answer.code) == (400, "UNSUPPORTED")

    async def test_referrers_of_anything_are_an_index(self, registry: WireRegistry) -> None:
        """Also of an unknown digest in an image without content (R34)."""
        for algorithm in DigestAlgorithm:
            answer = await registry.ask("GET", registry.at(f"referrers/{absent(algorithm)}"))
            assert (answer.status, answer.headers["Content-Type"]) == (200, INDEX)
            assert answer.document == {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
            assert "OCI-Filters-Applied" not in answer.headers

    async def test_a_malformed_subject_is_400(self, registry: WireRegistry) -> None:
        """Not 404: clients would take it for "no such API"."""
        answer = await registry.ask("GET", registry.at("referrers/sha256:baddigeststring"))
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")

    async def test_referrers_are_listed_with_type_and_annotations(self, registry: WireRegistry) -> None:
        """Filtered by `artifactType`, which is announced; the subject may be missing (R33, R34)."""
        subject = descriptor(b"never pushed", ManifestType.OCI_IMAGE.value)
        first = await referrer(registry, subject, "application/vnd.test.a", {"org.test": "copied"})
        second = await referrer(registry, subject, "application/vnd.test.b", {})
        place = registry.at(f"referrers/{subject['digest']}")
        everything = (await registry.ask("GET", place)).document["manifests"]
        assert [(each["digest"], each["artifactType"]) for each in everything] == [
            (first, "application/vnd.test.a"),
            (second, "application/vnd.test.b"),
        ]
        assert everything[0]["annotations"] == {"org.test": "copied"}
        answer = await registry.ask("GET", f"{place}?artifactType=application/vnd.test.b")
        assert answer.headers["OCI-Filters-Applied"] == "artifactType"
        assert [each["digest"] for each in answer.document["manifests"]] == [second]
        none = await registry.ask("GET", f"{place}?artifactType=application%2Fvnd.none")
        assert (none.status, none.document["manifests"]) == (200, [])

    async def test_a_deleted_referrer_leaves_the_list_at_once(self, registry: WireRegistry) -> None:
        """R36."""
        subject = descriptor(b"never pushed", ManifestType.OCI_IMAGE.value)
        digest = await referrer(registry, subject, "application/vnd.test", {})
        assert (await registry.ask("DELETE", registry.at(f"manifests/{digest}"))).status == 202
        answer = await registry.ask("GET", registry.at(f"referrers/{subject['digest']}"))
        assert answer.document["manifests"] == []

    async def test_the_list_outlives_its_subject(self, registry: WireRegistry) -> None:
        """R36."""
        document = await registry.image_manifest("subject")
        digest, body = await registry.push_manifest(document)
        subject = descriptor(body, ManifestType.OCI_IMAGE.value)
        of_it = await referrer(registry, subject, "application/vnd.test", {})
        assert (await registry.ask("DELETE", registry.at(f"manifests/{digest}"))).status == 202
        answer = await registry.ask("GET", registry.at(f"referrers/{digest}"))
        assert [each["digest"] for each in answer.document["manifests"]] == [of_it]

    async def test_referrers_past_4_mebibytes_come_in_pages(self, registry: WireRegistry) -> None:
        """Linked, in order, each once, the filter kept (R34)."""
        subject = descriptor(b"never pushed", ManifestType.OCI_IMAGE.value)
        kind = "application/vnd.test.large"
        pushed = [await referrer(registry, subject, kind, {"n": str(n), "a": "x" * 2**20}) for n in range(5)]
        found: list[str] = []
        page: str | None = registry.at(f"referrers/{subject['digest']}?artifactType={kind}")
        pages = 0
        while page:
            answer = await registry.ask("GET", page)
            assert len(answer.body) <= 4 * 2**20
            assert answer.headers["OCI-Filters-Applied"] == "artifactType"
            found += [each["digest"] for each in answer.document["manifests"]]
            page, pages = answer.next_page, pages + 1
        assert (found, pages) == (pushed, 2)

    async def test_a_method_without_meaning_is_405(self, registry: WireRegistry) -> None:
        """With the allowed ones."""
        expected = {
            "/v2/": "GET, HEAD",
            registry.at("tags/list"): "GET, HEAD",
            registry.at("blobs/uploads/"): "POST",
            registry.at(f"blobs/{absent()}"): "GET, HEAD, DELETE",
            registry.at("manifests/a"): "GET, HEAD, PUT, DELETE",
        }
        for path, allowed in expected.items():
            answer = await registry.ask("OPTIONS", path)
            assert (answer.status, answer.code, answer.headers["Allow"]) == (405, "UNSUPPORTED", allowed)


async def tagged(registry: WireRegistry, *tags: str) -> None:
    """One manifest under all these tags."""
    document = await registry.image_manifest("tagged")
    for tag in tags:
        await registry.push_manifest(document, tag)


async def referrer(
    registry: WireRegistry, subject: dict[str, Any], artifact_type: str, annotations: dict[str, str]
) -> str:
    """Pushes an artifact that points at the subject; its digest. The answer names the subject (R33)."""
    await registry.push_blob(b"{}")
    empty = descriptor(b"{}", "application/vnd.oci.empty.v1+json")
    document = {
        "schemaVersion": 2,
        "mediaType": ManifestType.OCI_IMAGE.value,
        "artifactType": artifact_type,
        "config": empty,
        "layers": [empty],
        "subject": subject,
        "annotations": annotations,
    }
    body = json.dumps(document).encode()
    path = registry.at(f"manifests/{Digest.of(body)}")
    answer = await registry.ask("PUT", path, headers={"Content-Type": ManifestType.OCI_IMAGE.value}, data=body)
    assert (answer.status, answer.headers["OCI-Subject"]) == (201, subject["digest"])
    return str(Digest.of(body))
