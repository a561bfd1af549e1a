"""What the service does by itself, again and again: looks, applies, ends and forgets."""

from datetime import timedelta
from typing import Final

from prometheus_client import CollectorRegistry

from moorage.permissions.apply import Apply
from moorage.permissions.authority import LocalAuthority
from moorage.permissions.images import Images
from moorage.permissions.metrics import ProtocolNumbers
from moorage.permissions.orphans import Orphans
from moorage.permissions.ports import Ledger, LedgerUnavailable
from moorage.permissions.reconcile.numbers import ReconcileNumbers
from moorage.permissions.removal_alarm import RemovalAlarm
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.clock import Clock
from moorage.runtime.periodic import Periodic

AUDIT_INTERVAL: Final = timedelta(hours=1)
LOG_INTERVAL: Final = timedelta(minutes=10)
ORPHANS_INTERVAL: Final = timedelta(days=1)
REMOVALS_INTERVAL: Final = timedelta(seconds=10)
LOOK_INTERVAL: Final = timedelta(seconds=1)


class Upkeep:
    """The jobs. Each may raise LedgerUnavailable, and is tried again."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        settings: PermissionsSettings,
        authority: LocalAuthority,
        apply: Apply,
        numbers: ProtocolNumbers,
        registry: CollectorRegistry,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._settings = settings
        self._authority = authority
        self._apply = apply
        self._numbers = numbers
        self._images = Images(ledger, clock)
        self._reconciled = ReconcileNumbers(registry)
        self._orphans = Orphans(ledger, registry)
        self._removals = RemovalAlarm(ledger, clock, registry)

    def jobs(self) -> list[Periodic]:
        """All of them; each runs from when it is entered."""
        planned = [
            ("look around", self.look_around, LOOK_INTERVAL),
            ("expire images", self.expire, self._settings.expiry_interval),
            ("apply snapshots", self.reconcile, LOOK_INTERVAL),
            ("ask sources again", self._authority.refreshing.drain, LOOK_INTERVAL),
            ("watch removals", self._removals.look, REMOVALS_INTERVAL),
            ("look for orphans", self._orphans.look, ORPHANS_INTERVAL),
            ("forget old changes", self.forget_changes, LOG_INTERVAL),
            ("forget old history", self.forget_history, LOG_INTERVAL),
            ("forget old decisions", self.forget_audit, AUDIT_INTERVAL),
        ]
        return [Periodic(name, work, interval, LedgerUnavailable) for name, work, interval in planned]

    async def look_around(self) -> None:
        """Looks at the fleet and the lanes, for continuity and for the numbers."""
        gateways, numbers = self._authority.gateways, self._numbers
        await gateways.look()
        numbers.fleet = await gateways.fleet()
        async with self._ledger.viewing() as view:
            now_ms = self._clock.now().timestamp() * 1000
            numbers.head = view.token
            numbers.lanes = {lane: (now_ms - at) / 1000 for lane, at in (await view.sources.lanes()).items() if at}

    async def reconcile(self) -> bool:
        """Applies snapshots that are whole, and counts what was never counted."""
        more = await self._apply.snapshots.drive()
        async with self._ledger.viewing() as view:
            await self._reconciled.look(view)
        return more

    async def expire(self) -> int:
        """Ends the detached images whose deadline has passed (§1.9); how many."""
        ended = 0
        while (some := await self._images.expire_overdue()) > 0:
            ended += some
        return ended

    async def forget_changes(self) -> int:
        """Drops rows of the change log that are older than is kept; how many."""
        before, dropped = self._clock.now() - self._settings.change_log_retention, 0
        while (some := await self._ledger.forget(before)) > 0:
            dropped += some
        return dropped

    async def forget_history(self) -> int:
        """Drops what was said before explanations reach back to; how many rows."""
        before, dropped = self._clock.now() - self._settings.history_retention, 0
        while (some := await self._ledger.forget_history(before)) > 0:
            dropped += some
        return dropped

    async def forget_audit(self) -> int:
        """Drops decisions that have been kept for long enough; how many."""
        return await self._authority.audit_trail.forget(self._settings.audit_retention)
