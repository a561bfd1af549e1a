"""How long ago the newest frame of the change stream was *sent*, by our own monotonic clock.

A frame that waited in a buffer while this process slept is not news. The sender's clock is used for differences only:
the fastest frame of a connection tells how the two clocks lie, and slower ones are as old as they are slower.
"""

from math import inf


class StreamAge:
    """Fed with the frames of one connection after the other; `seconds` is infinite before the first one."""

    def __init__(self) -> None:
        self._offset = inf
        self._sent_at = -inf

    def connected(self) -> None:
        """A new connection: another sender, another clock."""
        self._offset = inf

    def heard(self, sent_ms: int, monotonic: float) -> float:
        """A frame stamped `sent_ms` arrives now; how many seconds it was under way beyond the fastest one."""
        sent = sent_ms / 1000
        self._offset = min(self._offset, monotonic - sent)
        self._sent_at = max(self._sent_at, sent + self._offset)
        return monotonic - (sent + self._offset)

    def seconds(self, monotonic: float) -> float:
        """The age of the newest frame."""
        return monotonic - self._sent_at
