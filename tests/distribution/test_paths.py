"""Paths are values: they round-trip, they are split from the right, and nothing else parses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.distribution import paths
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import NameInvalid, RegistryError
from moorage.oci.reference import Tag

COMPONENTS = st.sampled_from(["blobs", "manifests", "tags", "uploads", "list", "referrers", "v2", "a", "a-b", "0__x"])
NAMES = st.lists(COMPONENTS, min_size=1, max_size=6).map("/".join)
DIGESTS = st.builds(Digest.of, st.binary(max_size=8), st.sampled_from(DigestAlgorithm))
TAGS = st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", fullmatch=True).map(Tag) | COMPONENTS.map(Tag)
PLACES: st.SearchStrategy[paths.Place] = st.one_of(
    st.builds(paths.Ping),
    st.builds(paths.Blob, NAMES, DIGESTS),
    st.builds(paths.Manifest, NAMES, TAGS | DIGESTS),
    st.builds(paths.Uploads, NAMES),
    st.builds(paths.Upload, NAMES, st.uuids()),
    st.builds(paths.Tags, NAMES),
    st.builds(paths.Referrers, NAMES, DIGESTS),
)


@given(PLACES)
def test_a_place_is_its_path_and_back(place: paths.Place) -> None:
    """Whatever words of the API stand in the name: the one that was authorized is the one that is used (R5)."""
    assert paths.parse(str(place)) == place


def parsed(path: str) -> paths.Place | None:
    """The place, or None for a refusal."""
    try:
        return paths.parse(path)
    except RegistryError:
        return None


@given(st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("/%.:\\2ef"), max_size=60))
def test_anything_else_is_a_refusal(text: str) -> None:
    """Never another exception, and never a place whose path it isn't (R2 to R5)."""
    place = parsed(f"/v2/{text}")
    if place is not None:
        assert str(place).rstrip("/") == f"/v2/{text}".replace("%3A", ":").replace("%3a", ":").rstrip("/")


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_the_root_has_two_spellings(path: str) -> None:
    """Nobody is redirected from one to the other."""
    assert paths.parse(path) == paths.Ping()


def test_a_name_leaves_room_for_the_registrys_host() -> None:
    """Together they have 255 characters (R2)."""
    assert paths.parse("/v2/" + "a" * 100 + "/tags/list", max_name=100)
    with pytest.raises(NameInvalid):
        paths.parse("/v2/" + "a" * 101 + "/tags/list", max_name=100)
