"""Descriptors: media type, digest and size of content (image-spec, descriptor.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from moorage.oci.digest import Digest
from moorage.oci.media_types import NONDISTRIBUTABLE


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a manifest says of the content it names."""

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    artifact_type: str | None = None
    urls: tuple[str, ...] = ()

    @property
    def must_be_held(self) -> bool:
        """Whether a registry that accepts the manifest must hold the bytes (R26)."""
        return not (self.media_type in NONDISTRIBUTABLE or self.urls)
