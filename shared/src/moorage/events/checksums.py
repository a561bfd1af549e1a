"""The checksum of a workspace's facts, which a bridge computes as well (authorization.md §2.6).

It is the sum modulo 2^64 of one number per fact, written as lower-case hexadecimal digits; `facts` is how many were
summed. Only facts that say that something *is* there are counted: those with role `none`, `present` false, or state
`deleted` or `transferred` are left out. Facts of the identity topic are in no workspace and in no checksum.

The number of a fact is the digest of these bytes, read as an unsigned big-endian integer:

    BLAKE2b, 8 bytes of output (RFC 7693, nn = 8; `b2sum -l 64`), of
        the fact key as UTF-8 (§2.2, UUIDs in lower case without braces), one zero byte,
        the version as 8 bytes big-endian (0 for a fact that was sent without one),
        and 8 bytes of the value: the number of an edge, big-endian; of anything else its BLAKE2b (nn = 8).

Edges are numbers:

    group_member      1
    workspace_member  1 collaborator, 2 member, 3 owner
    grant             1 read, 2 write (also create-repo), 3 admin (also owner)

Any other value is a JSON array without white space, as UTF-8 with nothing escaped that may stand for itself:

    workspace         [slug, state]                     project      [key, state]
    repository        [project, slug, state, is_private]
    environment       [repository, name, stage, admin_only, state]
    group             [slug, incarnation, external_id, state]

Ids are strings, a field that was not sent has its default, and `external_id` without one is null.
"""

from hashlib import blake2b
from struct import Struct
from typing import Final

from msgspec.json import Encoder

from moorage.events.fact_data import FactData

MODULUS: Final = 2**64
# Copying one that was begun takes half the time of beginning another; every edge comes by here.
_begun: Final = blake2b(digest_size=8).copy
# Writes texts without control characters as json.dumps does without ensure_ascii, in a tenth of the time.
_encode: Final = Encoder().encode
_HIDDEN: Final = ("none", False, "deleted", "transferred")
_numbers: Final = Struct(">xQq").pack
"""The zero byte behind the key, the version, and the value."""


def value_digest(data: FactData) -> int:
    """64 bits of what the fact says, signed as PostgreSQL keeps them: equal values of one key have equal digests.

    A value that is one small number, as those of all edges are, is its own digest.
    """
    value = data.value()
    if len(value) == 1 and isinstance(value[0], int):
        return int(value[0])
    said = _begun()
    said.update(_encode(value))
    return int.from_bytes(said.digest(), signed=True)


def digest(key: str, version: int, value: int) -> int:
    """The number of a fact whose value has this digest."""
    said = _begun()
    said.update(key.encode() + _numbers(version, value))
    return int.from_bytes(said.digest())


def digest_of(data: FactData) -> int:
    """The number of a fact as it was sent."""
    return digest(data.key(), data.version or 0, value_digest(data))


def is_there(data: FactData) -> bool:
    """Whether the fact counts: it says that something is there."""
    return all(getattr(data, name, None) not in _HIDDEN for name in ("role", "present", "state"))


def written(checksum: int) -> str:
    """A checksum as events spell it."""
    return f"{checksum % MODULUS:x}"
