"""Whether this process has slept: stopped or suspended, it holds what was true before, and frames wait unread. Pure."""

from typing import Final

NAP_SECONDS: Final = 1.0
TICK_SECONDS: Final = 0.2


class Sleep:
    """Told of the time again and again while the process is awake; time is seconds that go on meanwhile."""

    def __init__(self) -> None:
        self._awake_at: float | None = None

    def tick(self, now: float) -> None:
        """The process is awake; if it was not just before, that counts only from `caught_up` on."""
        if not self.slept(now):
            self._awake_at = now

    def caught_up(self, now: float) -> None:
        """What has arrived meanwhile is read."""
        self._awake_at = now

    def slept(self, now: float) -> bool:
        """Whether it has, and has not caught up since."""
        return self._awake_at is not None and now - self._awake_at > NAP_SECONDS
