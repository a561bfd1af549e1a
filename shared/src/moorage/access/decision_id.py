"""Ids of decisions: UUIDs of version 7, so that they sort by the time at which they were made (RFC 9562 §5.7)."""

import secrets
from datetime import datetime
from typing import Final
from uuid import UUID

_VERSION: Final = 7 << 76
_VARIANT: Final = 2 << 62
_RANDOM_BITS: Final = 62


def new_decision_id(at: datetime) -> UUID:
    """An id that nobody can guess, of a decision made `at` that moment; sorted to a quarter of a microsecond.

    The 12 bits behind the milliseconds hold the fraction of one (RFC 9562 §6.2, method 3).
    """
    milliseconds, microseconds = divmod(round(at.timestamp() * 1_000_000), 1000)
    fraction = microseconds * 4096 // 1000
    return UUID(int=milliseconds << 80 | _VERSION | fraction << 64 | _VARIANT | secrets.randbits(_RANDOM_BITS))
