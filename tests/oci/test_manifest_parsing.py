"""Manifests are read strictly, and whatever is not a manifest is refused in one way."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moorage.oci.descriptor import Descriptor
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import ManifestInvalid, ManifestTooLarge, MediaTypeUnsupported, RegistryError
from moorage.oci.manifest import MAX_JSON_DEPTH, MAX_MANIFEST_BYTES, MAX_REFERENCES, Manifest, parse, supported
from moorage.oci.media_types import ManifestType

IMAGE, INDEX = ManifestType.OCI_IMAGE, ManifestType.OCI_INDEX
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
SHA = "sha256:" + "a" * 64


def stated(**members: Any) -> dict[str, Any]:
    """A descriptor as JSON."""
    return {"mediaType": LAYER, "digest": SHA, "size": 7, **members}


def image(**members: Any) -> dict[str, Any]:
    """An image manifest as JSON."""
    return {"schemaVersion": 2, "config": stated(), "layers": [stated()], **members}


def index(**members: Any) -> dict[str, Any]:
    """An index as JSON."""
    return {"schemaVersion": 2, "manifests": [stated(mediaType=IMAGE)], **members}


def read(document: object, media_type: str | None = IMAGE) -> Manifest:
    """The manifest that a JSON document is."""
    return parse(json.dumps(document).encode(), media_type)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
media_types = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
digests = st.builds(
    lambda algorithm, content: Digest.of(content, algorithm),
    st.sampled_from(DigestAlgorithm),
    st.binary(max_size=4),
)
descriptors = st.builds(
    Descriptor,
    media_type=media_types,
    digest=digests,
    size=st.integers(0, 2**63 - 1),
    annotations=st.dictionaries(texts, texts, max_size=3),
    artifact_type=st.none() | media_types,
    urls=st.lists(texts, max_size=2).map(tuple),
)
manifests = st.builds(
    Manifest,
    media_type=st.just(IMAGE),
    config=descriptors,
    layers=st.lists(descriptors, max_size=4).map(tuple),
    children=st.just(()),
    subject=st.none() | descriptors,
    artifact_type=st.none() | media_types,
    annotations=st.dictionaries(texts, texts, max_size=3),
) | st.builds(
    Manifest,
    media_type=st.just(INDEX),
    config=st.none(),
    layers=st.just(()),
    children=st.lists(descriptors, max_size=4).map(tuple),
    subject=st.none() | descriptors,
    artifact_type=st.none() | media_types,
    annotations=st.dictionaries(texts, texts, max_size=3),
)


def spelled(descriptor: Descriptor) -> dict[str, Any]:
    """A descriptor as JSON, what is absent left out."""
    members = {
        "mediaType": descriptor.media_type,
        "digest": str(descriptor.digest),
        "size": descriptor.size,
        "annotations": dict(descriptor.annotations),
        "artifactType": descriptor.artifact_type,
        "urls": list(descriptor.urls),
    }
    return {name: value for name, value in members.items() if value not in (None, {}, [])}


def written(manifest: Manifest) -> bytes:
    """A manifest as JSON."""
    members: dict[str, Any] = {"schemaVersion": 2, "mediaType": manifest.media_type}
    if manifest.media_type.is_index:
        members["manifests"] = [spelled(child) for child in manifest.children]
    elif manifest.config:
        members["config"] = spelled(manifest.config)
        members["layers"] = [spelled(layer) for layer in manifest.layers]
    if manifest.subject:
        members["subject"] = spelled(manifest.subject)
    if manifest.artifact_type:
        members["artifactType"] = manifest.artifact_type
    members["annotations"] = dict(manifest.annotations)
    return json.dumps(members).encode()


@given(manifests)
def test_a_manifest_that_is_written_is_read_back(manifest: Manifest) -> None:
    """All that the registry looks at survives, in order."""
    assert parse(written(manifest), manifest.media_type) == manifest


@given(st.binary(max_size=200), st.none() | st.sampled_from([*ManifestType, "text/html", "", "\0;"]))
@example(b"\xef\xbb\xbf{}", IMAGE)
@example(b"\xff\xfe{\x00}\x00", IMAGE)
def test_no_bytes_raise_anything_but_a_refusal(body: bytes, media_type: str | None) -> None:
    """Never another exception: that would be a 500 (R28)."""
    with pytest.raises(RegistryError):
        parse(body, media_type)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(SHA) | st.just(stated()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = ["schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "artifactType", "annotations"]


@given(
    st.dictionaries(st.sampled_from(KEYS), json_values, max_size=4),
    st.sampled_from([image(), index()]),
    st.sampled_from(ManifestType),
)
def test_no_value_in_any_place_raises_anything_but_a_refusal(
    changes: dict[str, Any], document: dict[str, Any], media_type: ManifestType
) -> None:
    """Wrong types where a type is expected, in JSON that is well formed otherwise."""
    with contextlib.suppress(ManifestInvalid, MediaTypeUnsupported):
        assert isinstance(read({**document, **changes}, media_type), Manifest)


@given(st.sampled_from(["mediaType", "digest", "size", "urls", "annotations", "artifactType", "data"]), json_values)
def test_no_value_in_a_descriptor_raises_anything_but_a_refusal(key: str, value: Any) -> None:
    """The same one level below."""
    with contextlib.suppress(ManifestInvalid):
        assert read(image(layers=[stated(**{key: value})])).layers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"2",
        b"{",
        b"{} {}",
        b"{}x",
        b"\xef\xbb\xbf" + json.dumps(image()).encode(),
        json.dumps(image()).encode("utf-16"),
        json.dumps(image()).encode() + b"\0",
        b'{"schemaVersion": 2, "schemaVersion": 2, "config": null}',
        json.dumps(image()).encode()[:-1] + b', "x": {"y": {"z": 1, "z": 1}}}',
        json.dumps(image()).encode()[:-1] + b', "x": NaN}',
        json.dumps(image()).encode()[:-1] + b', "x": -Infinity}',
        json.dumps(image()).encode()[:-1] + b', "x": 1e999}',
        json.dumps(image()).encode()[:-1] + b', "x": ' + b"9" * 4301 + b"}",
        json.dumps(image()).encode()[:-1] + b', "x": "\xff"}',
        json.dumps(image()).encode()[:-1] + b', "x": "\xc0\xaf"}',
        b"[" * 100_000,
        b"{" + b'"a":{' * 2000,
        b'{"a":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}",
        b'{"a":[' + b"[]," * 1_300_000 + b"[]]}",
        b'"' * 4_000_000,
        b'\\"' * 2_000_000,
    ],
    ids=lambda body: body[:24].decode("latin-1") + f"({len(body)})",
)
def test_what_two_parsers_could_read_in_two_ways_is_refused(body: bytes) -> None:
    """Duplicate keys, NaN, byte order marks, bad UTF-8, trailing bytes, other roots, too much (R28, R138)."""
    with pytest.raises(ManifestInvalid):
        parse(body, IMAGE)


def test_the_depth_of_json_is_bounded() -> None:
    """To the level; brackets inside texts do not count (R138)."""

    def nested(levels: int) -> bytes:
        inner = b"[" * (levels - 1) + b"]" * (levels - 1)
        text = json.dumps('\\"[[[{{{' * 100).encode()
        return json.dumps(image()).encode()[:-1] + b', "text": ' + text + b', "deep": ' + inner + b"}"

    assert parse(nested(MAX_JSON_DEPTH), IMAGE).config
    with pytest.raises(ManifestInvalid):
        parse(nested(MAX_JSON_DEPTH + 1), IMAGE)


def test_the_size_of_a_manifest_is_bounded() -> None:
    """4 MiB are accepted, one byte more is not (R24)."""
    body = json.dumps(image(annotations={f"key{i}": "x" * 10_000 for i in range(390)})).encode()
    padded = body + b" " * (MAX_MANIFEST_BYTES - len(body))
    assert len(parse(padded, IMAGE).annotations) == 390
    with pytest.raises(ManifestTooLarge):
        parse(padded + b" ", IMAGE)


def test_the_number_of_references_is_bounded() -> None:
    """5000 in all (R139)."""
    assert len(read(image(layers=[stated()] * (MAX_REFERENCES - 1))).blobs) == MAX_REFERENCES
    for document, media_type in (
        (image(layers=[stated()] * MAX_REFERENCES), IMAGE),
        (index(manifests=[stated()] * (MAX_REFERENCES + 1)), INDEX),
    ):
        with pytest.raises(ManifestInvalid):
            read(document, media_type)


@pytest.mark.parametrize(
    ("document", "media_type"),
    [
        (image(manifests=[]), IMAGE),
        (index(layers=[]), INDEX),
        (index(config=stated()), INDEX),
        (image(), INDEX),
        (index(), IMAGE),
        (image(mediaType=INDEX), IMAGE),
        (image(mediaType=ManifestType.DOCKER_IMAGE), IMAGE),
        (image(mediaType=7), IMAGE),
        (image(schemaVersion=1), IMAGE),
        (image(schemaVersion="2"), IMAGE),
        (image(schemaVersion=2.0), IMAGE),
        (image(schemaVersion=True), IMAGE),
        ({"config": stated(), "layers": []}, IMAGE),
        ({"schemaVersion": 2, "layers": []}, IMAGE),
        (image(Config=stated()), IMAGE),
        (image(MANIFESTS=[]), IMAGE),
        (image(layers=[stated(Digest=SHA)]), IMAGE),
        (image(layers=[stated(size=-1)]), IMAGE),
        (image(layers=[stated(size=2**63)]), IMAGE),
        (image(layers=[stated(size=7.0)]), IMAGE),
        (image(layers=[stated(size="7")]), IMAGE),
        (image(layers=[stated(size=True)]), IMAGE),
        (image(layers=[stated(size=None)]), IMAGE),
        (image(layers=[stated(digest="sha256:baddigeststring")]), IMAGE),
        (image(layers=[stated(digest="md5:" + "a" * 32)]), IMAGE),
        (image(layers=[stated(digest=SHA.upper())]), IMAGE),
        (image(layers=[stated(mediaType="")]), IMAGE),
        (image(layers=[stated(mediaType="a\nb")]), IMAGE),
        (image(layers=[stated(mediaType="x" * 256)]), IMAGE),
        (image(layers=[stated(urls="https://example.org")]), IMAGE),
        (image(layers=[stated(annotations={"a": 1})]), IMAGE),
        (image(layers=[stated(annotations={"a": "\ud800"})]), IMAGE),
        (image(layers=[None]), IMAGE),
        (image(layers={}), IMAGE),
        (image(subject=SHA), IMAGE),
        (image(artifactType=["x"]), IMAGE),
        (image(annotations=[]), IMAGE),
    ],
)
def test_what_breaks_the_specification_is_refused(document: object, media_type: str) -> None:
    """Each with MANIFEST_INVALID (R27)."""
    with pytest.raises(ManifestInvalid):
        read(document, media_type)


@pytest.mark.parametrize(
    ("document", "media_type"),
    [
        (image(unknown={"a": [1, 2.5, None]}, data="x"), IMAGE),
        (image(layers=[stated(data="e30=", platform={"os": "linux"})]), IMAGE),
        (image(layers=[]), IMAGE),
        (image(layers=None), IMAGE),
        ({"schemaVersion": 2, "config": stated()}, IMAGE),
        (image(layers=[stated(size=0)], artifactType=""), IMAGE),
        (image(artifactType="application/vnd.example+type", subject=stated()), IMAGE),
        (index(manifests=[]), INDEX),
        (index(manifests=[stated(mediaType=INDEX)]), INDEX),
        (image(mediaType=ManifestType.DOCKER_IMAGE), ManifestType.DOCKER_IMAGE),
        (index(mediaType=ManifestType.DOCKER_LIST), ManifestType.DOCKER_LIST),
        (image(mediaType=IMAGE), f" {IMAGE.upper()} ; charset=utf-8"),
        (image(mediaType=IMAGE), None),
    ],
)
def test_what_the_specification_allows_is_accepted(document: object, media_type: str | None) -> None:
    """Unknown fields and types, no layers, empty and nested indexes (R25)."""
    assert read(document, media_type)


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/json",
        "text/html",
        "",
        "application/vnd.oci.image.manifest.v1+json, text/html",
    ],
)
def test_only_four_types_are_stored(media_type: str) -> None:
    """Whatever the body says of itself (R29)."""
    with pytest.raises(MediaTypeUnsupported):
        read(image(mediaType=IMAGE), media_type)
    with pytest.raises(MediaTypeUnsupported):
        supported(media_type)


def test_a_manifest_without_any_type_is_refused() -> None:
    """Nobody could tell what it is."""
    with pytest.raises(ManifestInvalid):
        read(image(), None)


def test_the_subject_of_a_docker_manifest_is_an_unknown_field() -> None:
    """Docker's types have no referrers."""
    manifest = read(image(subject=stated(), artifactType="x/y"), ManifestType.DOCKER_IMAGE)
    assert (manifest.subject, manifest.artifact_type) == (None, None)
