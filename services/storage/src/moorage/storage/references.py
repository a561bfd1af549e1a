"""What an image must hold before it may hold a manifest (R26, R32). Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from moorage.oci.descriptor import Descriptor
from moorage.oci.digest import Digest
from moorage.oci.errors import ManifestBlobUnknown, ManifestInvalid
from moorage.oci.manifest import Manifest
from moorage.oci.media_types import ManifestType

MAX_INDEX_DEPTH: Final = 8
"""So many indexes may lie within one another; whoever walks them has an end (R101)."""
_SHOWN: Final = 10
_MANIFEST_TYPES: Final = frozenset(ManifestType)

Sizes = Mapping[Digest, int]
"""Digests that an image holds, with their sizes in bytes."""


@dataclass(frozen=True, slots=True)
class References:
    """The descriptors whose bytes must be held: as blobs, and as manifests. The subject is not among them."""

    blobs: tuple[Descriptor, ...]
    manifests: tuple[Descriptor, ...]

    @classmethod
    def of(cls, manifest: Manifest) -> "References":
        """What `manifest` names, less what a registry need not hold.

        BuildKit's cache index lists layers among its manifests: what is no manifest by type is looked for as a blob.
        """
        held = [child for child in manifest.children if child.must_be_held]
        return cls(
            blobs=(
                *(blob for blob in manifest.blobs if blob.must_be_held),
                *(child for child in held if child.media_type not in _MANIFEST_TYPES),
            ),
            manifests=tuple(child for child in held if child.media_type in _MANIFEST_TYPES),
        )

    def verify(self, blobs: Sizes, manifests: Sizes) -> None:
        """Raises ManifestBlobUnknown, naming what is missing, or ManifestInvalid for a size that is not so."""
        _verify(self.blobs, blobs)
        _verify(self.manifests, manifests)


def verify_depth(below: int) -> None:
    """Raises ManifestInvalid for an index under which so many manifests lie one below the other."""
    if below > MAX_INDEX_DEPTH:
        raise ManifestInvalid(f"indexes may be nested {MAX_INDEX_DEPTH} deep at most")


def digests(descriptors: Iterable[Descriptor]) -> list[Digest]:
    """Their digests, each once, in order."""
    return sorted({descriptor.digest for descriptor in descriptors})


def _verify(descriptors: tuple[Descriptor, ...], held: Sizes) -> None:
    missing = [str(digest) for digest in digests(descriptors) if digest not in held]
    if missing:
        raise ManifestBlobUnknown(
            f"push these to the image first: {', '.join(missing[:_SHOWN])}{', …' if len(missing) > _SHOWN else ''}",
            detail={"digests": missing[:_SHOWN]},
        )
    for descriptor in descriptors:
        if descriptor.size != held[descriptor.digest]:
            raise ManifestInvalid(
                f"{descriptor.digest} has {held[descriptor.digest]} bytes, the manifest says {descriptor.size}"
            )
