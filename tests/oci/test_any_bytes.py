"""Whatever bytes come: a value, or a refusal of ours, never another exception (R28, R132, R138)."""

import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from moorage.distribution import paths
from moorage.oci import byte_range, manifest
from moorage.oci.errors import RegistryError
from moorage.oci.media_types import ManifestType

KEYS = st.sampled_from(
    ["schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "annotations", "digest", "size", "urls"]
)
DIGEST = f"sha256:{'0' * 64}"
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from([2, *ManifestType, DIGEST])
)
VALUES = st.recursive(LEAVES, lambda inner: st.one_of(st.lists(inner), st.dictionaries(KEYS | st.text(), inner)))
DOCUMENTS = st.dictionaries(KEYS, VALUES).map(lambda members: {"schemaVersion": 2, **members})


def read(body: bytes, media_type: str) -> None:
    """Reads it, or is told why not."""
    with suppress(RegistryError):
        assert manifest.parse(body, media_type).media_type == media_type


@given(st.binary(), st.sampled_from(ManifestType))
def test_any_bytes_as_a_manifest(body: bytes, media_type: str) -> None:
    """Bytes of any kind."""
    read(body, media_type)


@given(DOCUMENTS, st.sampled_from(ManifestType))
def test_any_document_as_a_manifest(document: object, media_type: str) -> None:
    """JSON with the right keys, and anything below them."""
    read(json.dumps(document).encode(), media_type)


@given(st.text(alphabet=st.characters(max_codepoint=255)) | st.from_regex(r"(bytes[ =])?\d{0,20}-\d{0,20}(/.*)?"))
def test_any_range(header: str) -> None:
    """A range lies within the blob, and one of a chunk is not empty."""
    with suppress(RegistryError):
        asked = byte_range.requested(header, 100)
        assert asked is None or 0 <= asked.start < asked.stop <= 100
    with suppress(RegistryError):
        chunk = byte_range.of_chunk(header)
        assert chunk is None or chunk.length > 0


PARTS = st.sampled_from(
    ["v2", "a", "b/c", "blobs", "uploads", "manifests", "tags", "list", "referrers", DIGEST, "..", ""]
)


@given(st.lists(PARTS | st.text(max_size=5), max_size=8).map(lambda parts: "/v2/" + "/".join(parts)))
def test_a_path_is_what_it_names(path: str) -> None:
    """A place that is read from a path has that path again: nothing was decoded, tidied or left out (R5)."""
    with suppress(RegistryError):
        assert str(paths.parse(path)).rstrip("/") == path.rstrip("/")
