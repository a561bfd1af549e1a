"""Keeps the interpreter's own work short while requests are served: garbage collection, and turns of threads.

Facts are many objects that stay, and none of them is in a circle: the collector need not look at them. To go through
those of a large workspace once takes as long as thousands of decisions.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

ENOUGH: Final = 10_000
"""So many new objects are worth being put out of the collector's sight; it goes through fewer in a millisecond."""

THREAD_TURN_SECONDS: Final = 0.0005
"""A thread that reads a snapshot gives way to who serves requests after so long."""
COLLECT_LITTLE: Final = (2_000, 1, 5_000)
"""New objects are gone through a few at a time, twice, and all that stays hardly ever.

The rows of a frame are thousands and no garbage: to go through 25,000 objects at once takes eight milliseconds.
"""


def give_way() -> None:
    """For a process that serves: long work of the interpreter's own is cut short, or done rarely."""
    sys.setswitchinterval(THREAD_TURN_SECONDS)
    gc.set_threshold(*COLLECT_LITTLE)


class Undisturbed:
    """Loads under way; several at once may be, of one event loop."""

    def __init__(self) -> None:
        self._loads = 0
        self._new = 0

    @contextmanager
    def load(self) -> Iterator[None]:
        """Nothing is collected meanwhile, and what is there at the end of large loads is never looked at again.

        Also what became garbage in a circle meanwhile: of requests of a second or two, once for each workspace.
        """
        collects = gc.isenabled() or self._loads > 0
        self._loads += 1
        gc.disable()
        try:
            yield
        finally:
            self._loads -= 1
            if not self._loads and collects:
                self._settle()
                gc.enable()

    def _settle(self) -> None:
        self._new += gc.get_count()[0]
        if self._new >= ENOUGH:
            gc.freeze()
            self._new = 0
