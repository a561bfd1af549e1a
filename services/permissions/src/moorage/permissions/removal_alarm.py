"""Pages somebody when far more rights are taken away than usual (authorization.md §3.7).

It reads the change log beside everything that applies facts: whatever it finds, or fails at, nothing waits for it.
"""

from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from moorage.access.consistency import ORIGIN
from moorage.permissions.ports import Ledger
from moorage.permissions.removals import RemovalRate
from moorage.runtime.clock import Clock

_MINUTE: Final = 60
_log: Final = structlog.stdlib.get_logger(__name__)


class RemovalAlarm:
    """Looks at what was appended since the last look; the first look reads the week that the log keeps."""

    def __init__(self, ledger: Ledger, clock: Clock, registry: CollectorRegistry) -> None:
        self._ledger = ledger
        self._clock = clock
        self._rate = RemovalRate()
        self._seen = ORIGIN
        self._told = 0
        self._now = Gauge(
            "moorage_permissions_removals_this_minute", "Rights taken away in this minute so far.", registry=registry
        )
        self._usual = Gauge(
            "moorage_permissions_removals_usual_per_minute",
            "What 99 of 100 minutes of the last week did not exceed.",
            registry=registry,
        )
        self._alarms = Counter(
            "moorage_permissions_removal_alarms",
            "Minutes in which more than ten times the usual was taken away.",
            registry=registry,
        )

    async def look(self) -> bool:
        """Whether the alarm was given anew. Raises LedgerUnavailable."""
        async with self._ledger.viewing() as view:
            if view.token.epoch != self._seen.epoch:  # the log may be another one now
                self._rate, self._seen = RemovalRate(), ORIGIN
            counts = await view.log.removals(self._seen.seq)
            self._seen = view.token
        self._rate.add(counts)
        return self._judge()

    def _judge(self) -> bool:
        """The minute before counts too: it may have ended since the last look. Older ones are history."""
        minute = int(self._clock.now().timestamp()) // _MINUTE
        self._now.set(self._rate.of(minute))
        self._usual.set(self._rate.usual(minute))
        found = [each for each in (minute - 1, minute) if each > self._told and self._rate.alarming(each)]
        for each in found:
            self._told = each
            self._alarms.inc()
            _log.error(
                "Far more rights are taken away than usual; look for a source gone wrong.",
                removals=self._rate.of(each),
                usual=self._rate.usual(each),
            )
        return bool(found)
