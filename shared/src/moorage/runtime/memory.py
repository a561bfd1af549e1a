"""The memory of a process that works in threads, where the C library is glibc."""

import ctypes
import sys
from typing import Final

ARENAS: Final = 2
_M_ARENA_MAX: Final = -8


def keep_few_arenas() -> None:
    """Threads share these, instead of keeping what they freed each in one of its own; the GIL lets one run anyway."""
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, ARENAS)
