"""A ledger with one change in it that is undone: the use cases change it as they change any, and nothing is kept."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from moorage.permissions.ports import Change, Ledger, Trial, View


class TrialLedger:
    """What use cases need of a ledger to make a change; each gets the same one."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    @asynccontextmanager
    async def changing(self, source: int | None = None) -> AsyncIterator[Change]:
        """The change that is tried."""
        yield self._trial

    @asynccontextmanager
    async def viewing(self) -> AsyncIterator[View]:
        """Nobody who changes something looks elsewhere."""
        raise NotImplementedError
        yield

    def as_ledger(self) -> Ledger:
        """For use cases, which are handed a whole ledger and use no more of it than this."""
        return cast(Ledger, self)
