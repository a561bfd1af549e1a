"""The media types that decide how a manifest is read."""

from enum import StrEnum
from typing import Final


class ManifestType(StrEnum):
    """The four manifest types that are stored (R29)."""

    OCI_IMAGE = "application/vnd.oci.image.manifest.v1+json"
    OCI_INDEX = "application/vnd.oci.image.index.v1+json"
    DOCKER_IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
    DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

    @property
    def is_index(self) -> bool:
        """Whether it lists manifests, not a config and layers."""
        return self in (ManifestType.OCI_INDEX, ManifestType.DOCKER_LIST)


NONDISTRIBUTABLE: Final = frozenset(
    {
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
    }
)
"""Layers whose bytes a registry need not hold."""

OCTET_STREAM: Final = "application/octet-stream"
