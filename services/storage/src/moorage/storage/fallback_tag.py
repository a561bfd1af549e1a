"""The tag under which clients of registries without a referrers API keep a list of referrers. Pure."""

from typing import Final

from moorage.oci.digest import Digest
from moorage.oci.reference import Tag

_ALGORITHM: Final = 32
_ENCODED: Final = 64


def of(subject: Digest) -> Tag:
    """`sha256-<hex>`, cut as the distribution specification says ("Referrers Tag Schema")."""
    return Tag(f"{subject.algorithm[:_ALGORITHM]}-{subject.hex[:_ENCODED]}")


def companions(subject: Digest) -> list[Tag]:
    """The tags under which clients keep what belongs to a manifest: the list of referrers, and what cosign attaches."""
    fallback = of(subject)
    return [fallback, *(Tag(f"{fallback}.{kind}") for kind in ("sig", "att", "sbom"))]
