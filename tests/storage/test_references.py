"""What an image must hold before it may hold a manifest."""

import pytest

from contracts.samples import CONFIG, LAYER, described, descriptor_json, image_json, index_json
from moorage.oci.descriptor import Descriptor
from moorage.oci.errors import ManifestBlobUnknown, ManifestInvalid
from moorage.oci.manifest import parse
from moorage.oci.media_types import ManifestType
from moorage.storage.references import References

config, layer, child = described(b"{}", CONFIG), described(b"layer"), described(b"child", ManifestType.OCI_IMAGE)


def of(body: bytes, media_type: str = ManifestType.OCI_IMAGE) -> References:
    """The references of a manifest."""
    return References.of(parse(body, media_type))


def test_config_and_layers_are_blobs() -> None:
    """And the subject is nothing that must be there (R26)."""
    found = of(image_json(config, layer, subject=descriptor_json(child)))
    assert found == References((config, layer), ())


def test_the_members_of_an_index_are_manifests() -> None:
    """By their type."""
    assert of(index_json(child), ManifestType.OCI_INDEX) == References((), (child,))


def test_what_an_index_lists_that_is_no_manifest_is_a_blob() -> None:
    """BuildKit's cache lists layers and its config there."""
    cache = described(b"cache", "application/vnd.buildkit.cacheconfig.v0")
    assert of(index_json(layer, cache), ManifestType.OCI_INDEX) == References((layer, cache), ())


def test_foreign_layers_are_not_asked_for() -> None:
    """Their bytes need not be here."""
    foreign = described(b"foreign", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
    assert of(image_json(config, foreign)) == References((config,), ())


def test_what_is_missing_is_named() -> None:
    """The first few of many."""
    many = [described(str(number).encode()) for number in range(30)]
    found = of(image_json(config, *many))
    with pytest.raises(ManifestBlobUnknown) as refusal:
        found.verify({config.digest: 2}, {})
    assert len(refusal.value.detail["digests"]) == 10
    assert refusal.value.message.endswith(", …")


def test_each_size_must_be_that_of_the_bytes() -> None:
    """Also where one digest is named twice (R32)."""
    lie = Descriptor(LAYER, layer.digest, layer.size + 1)
    held = {config.digest: 2, layer.digest: 5}
    of(image_json(config, layer, layer)).verify(held, {})
    with pytest.raises(ManifestInvalid):
        of(image_json(config, layer, lie)).verify(held, {})
