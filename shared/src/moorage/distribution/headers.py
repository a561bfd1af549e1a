"""The header names of the distribution API, and those that only our own services say to one another."""

from typing import Final

API_VERSION: Final = "Docker-Distribution-Api-Version"
CONTENT_DIGEST: Final = "Docker-Content-Digest"
UPLOAD_UUID: Final = "Docker-Upload-UUID"
SUBJECT: Final = "OCI-Subject"
TAG: Final = "OCI-Tag"
FILTERS_APPLIED: Final = "OCI-Filters-Applied"

# Said by the gateway to storage and back. They never leave the gateway, and mean nothing when they arrive there.
PRINCIPAL: Final = "Moorage-Principal"
LINK_GEN: Final = "Moorage-Link-Gen"
AUTHZ_TOKEN: Final = "Moorage-Authz-Token"  # noqa: S105 - a consistency token is a position, not a secret
TOKEN_MODE: Final = "Moorage-Token-Mode"  # noqa: S105 - how the position was found
AUTHZ_MIN_TOKEN: Final = "Moorage-Authz-Min-Token"  # noqa: S105 - the same
DECISION_ID: Final = "Moorage-Decision-Id"

UPLOAD_OFFSET: Final = "Moorage-Upload-Offset"
UPLOAD_ALGORITHM: Final = "Moorage-Upload-Algorithm"
CHUNK_LENGTH: Final = "Moorage-Chunk-Length"
SEALED_BODY: Final = "Moorage-Sealed-Body"
BLOB_SIZE: Final = "Moorage-Blob-Size"
MOVED_TAGS: Final = "Moorage-Moved-Tags"

# Between an edge, the gateway and storage, for bytes that do not pass the gateway (moorage.distribution.capability).
EDGE_METHOD: Final = "Moorage-Edge-Method"
EDGE_URI: Final = "Moorage-Edge-Uri"
EDGE_TARGET: Final = "Moorage-Edge-Target"
CAPABILITY: Final = "Moorage-Capability"

EVERYWHERE: Final = {
    API_VERSION: "registry/2.0",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private",
    "Vary": "Authorization",
}
"""What every answer under `/v2/` carries (R29, R152; older engines look for the version)."""
