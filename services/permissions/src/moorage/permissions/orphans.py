"""The daily look for what must not be: active images whose repository is gone (authorization.md §1.9, I4)."""

from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Gauge

from moorage.permissions.ports import Ledger

NAME: Final = "moorage_orphaned_images"


class Orphans:
    """Counts them, and tells the number as a metric: whatever is not 0 is a bug of ours."""

    def __init__(self, ledger: Ledger, registry: CollectorRegistry) -> None:
        self._ledger = ledger
        self._gauge = Gauge(NAME, "Active images whose repository is neither active nor archived.", registry=registry)

    async def look(self) -> int:
        """How many there are. Raises LedgerUnavailable."""
        async with self._ledger.viewing() as view:
            found = await view.images.orphans()
        self._gauge.set(found)
        if found:
            structlog.get_logger().error("Active images have no repository; please report this.", images=found)
        return found
