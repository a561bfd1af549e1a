"""What is remembered, and when it may be told. Pure: times are arguments, in seconds on one monotonic clock.

Each rule here is needed: tests/storage/test_coherence_in_simulation.py shows what goes wrong without it.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from typing import Final
from uuid import UUID

from moorage.storage.hold_feed import Poll

_ENTRY_BYTES: Final = 800
"""What an entry takes beside its content, measured roughly and rounded up."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Something an image holds, its size in bytes, and when it must be asked for again even if nothing has moved."""

    value: object
    size: int = 0
    until: float = inf


@dataclass(slots=True, eq=False)
class Reading:
    """Somebody asks the database about the image; if it is spoiled, the answer may be old by the time it is here."""

    image: UUID
    is_spoiled: bool


class Recollection:
    """Positives only: what is not there is never remembered, so what is new invalidates nothing."""

    def __init__(self, most_bytes: int) -> None:
        """At most so many bytes are kept; those that were told longest ago go first."""
        self._most_bytes = most_bytes
        self._kept: OrderedDict[tuple[UUID, Hashable], Kept] = OrderedDict()
        self._keys: dict[UUID, set[Hashable]] = {}
        self._readings: dict[UUID, set[Reading]] = {}
        self._held: frozenset[UUID] = frozenset()
        self._window, self._began = 0.0, -inf
        self.bytes = 0

    @property
    def is_informed(self) -> bool:
        """Whether there is a look to go on from; what is read before has no such ground."""
        return self._began > -inf

    def may_tell(self, arrived: float, now: float) -> bool:
        """Whether the last look is young enough at `now` for a request that arrived then.

        A change that ends before `now` was held before that look began, so the look saw it. A look that began after the
        request arrived is good however long it took: the answer was right at that moment.
        """
        return self.is_informed and (self._began >= arrived or now - self._began < self._window)

    def recall(self, image: UUID, key: Hashable, now: float) -> Kept | None:
        """What is remembered. The caller must not have awaited anything since `may_tell`."""
        kept = self._kept.get((image, key))
        if kept is None or now >= kept.until:
            return None
        self._kept.move_to_end((image, key))
        return kept

    @contextmanager
    def reading(self, image: UUID) -> Iterator[Reading]:
        """Around a question to the database whose answer is to be kept."""
        reading = Reading(image, is_spoiled=image in self._held or not self.is_informed)
        self._readings.setdefault(image, set()).add(reading)
        try:
            yield reading
        finally:
            readings = self._readings[image]
            readings.discard(reading)
            if not readings:
                del self._readings[image]

    def keep(self, reading: Reading, key: Hashable, kept: Kept) -> None:
        """Remembers what was read, unless a hold was seen meanwhile: then it may be from before the change."""
        if reading.is_spoiled:
            return
        self._forget(reading.image, key)
        self._kept[reading.image, key] = kept
        self._keys.setdefault(reading.image, set()).add(key)
        self.bytes += kept.size + _ENTRY_BYTES
        while self.bytes > self._most_bytes:
            self._forget(*next(iter(self._kept)))

    def learn(self, poll: Poll, began: float) -> None:
        """Takes in a look at the holds that began then."""
        if not poll.continues:
            self.clear()
        self._drop(poll.moved | poll.held)
        self._held, self._window, self._began = poll.held, poll.window.total_seconds(), began

    def clear(self) -> None:
        """Forgets everything: looks do not go on from the last one."""
        self._drop({*self._keys, *self._readings})
        self._held, self._began = frozenset(), -inf

    def _drop(self, images: Iterable[UUID]) -> None:
        for image in images:
            for key in list(self._keys.get(image, ())):
                self._forget(image, key)
            for reading in self._readings.get(image, ()):
                reading.is_spoiled = True

    def _forget(self, image: UUID, key: Hashable) -> None:
        kept = self._kept.pop((image, key), None)
        if kept is None:
            return
        self.bytes -= kept.size + _ENTRY_BYTES
        self._keys[image].discard(key)
        if not self._keys[image]:
            del self._keys[image]
