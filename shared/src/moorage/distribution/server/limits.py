"""The limits of the distribution API (protocol.md §6)."""

from dataclasses import dataclass

from moorage.oci.manifest import MAX_MANIFEST_BYTES
from moorage.oci.reference import MAX_NAME


@dataclass(frozen=True, slots=True)
class Limits:
    """Defaults of protocol.md §6. `max_name` is 255 less the registry's host and a slash, where there is one (R2).

    `turn_seconds`: how long a large manifest waits for those before it.
    """

    max_name: int = MAX_NAME
    max_manifest_bytes: int = MAX_MANIFEST_BYTES
    max_tags_per_push: int = 46
    page_size: int = 100
    max_page_size: int = 1000
    max_referrers_bytes: int = 4 * 1024 * 1024
    idle_body_seconds: float = 60.0
    turn_seconds: float = 20.0
