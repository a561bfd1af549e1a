"""Manifests and indexes: strict reading of bytes that are kept exactly as received (image-spec; R24-R29)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from moorage.oci.descriptor import Descriptor
from moorage.oci.media_types import ManifestType

MAX_MANIFEST_BYTES: Final = 4 * 1024 * 1024
MAX_REFERENCES: Final = 5000
MAX_JSON_DEPTH: Final = 128


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a registry needs to know of a manifest; the bytes are the truth."""

    media_type: ManifestType
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    children: tuple[Descriptor, ...]
    subject: Descriptor | None
    artifact_type: str | None
    annotations: Mapping[str, str]

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Config and layers."""
        return (self.config, *self.layers) if self.config else self.layers


def parse(body: bytes, content_type: str | None) -> Manifest:
    """Reads a manifest pushed as `content_type`. Raises ManifestInvalid, ManifestTooLarge, MediaTypeUnsupported."""
    raise NotImplementedError
