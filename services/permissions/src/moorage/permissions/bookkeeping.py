"""What the consistency protocol keeps in the ledger: freshness, epochs and the fleet; see moorage.permissions.ports."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from moorage.permissions.epoch import Epoch
from moorage.permissions.fleet_members import FleetMember
from moorage.permissions.freshness import Freshness
from moorage.permissions.records import Workspace
from moorage.permissions.sync_facts import SyncFacts


class Freshnesses(Protocol):
    """How old what is known of a workspace is."""

    async def of(self, workspace: Workspace | None) -> Freshness:
        """The lanes of the workspace and of the identity topic, and the workspace's pin."""
        ...

    async def bounds(self, lanes: Mapping[str, int]) -> Mapping[str, Mapping[str, float]]:
        """The staleness bounds (seconds, by name) of these lanes' sources, where those have their own."""
        ...


class EpochReader(Protocol):
    """The epoch there is."""

    async def current(self) -> Epoch | None:
        """The epoch, if it was begun by an operator; None for the first one."""
        ...


class EpochBook(EpochReader, Protocol):
    """Epochs, to be begun."""

    async def begin(self, reason: str, at: datetime, beyond: int = 0) -> Epoch:
        """The next epoch, which is after `beyond` as well; from the end of this change on."""
        ...

    async def all(self) -> Sequence[int]:
        """All that were begun by operators."""
        ...

    async def workspaces(self, sources: Collection[int]) -> Sequence[int]:
        """The workspaces that these sources have told of, by alias."""
        ...


class SyncReader(Protocol):
    """What is said of a workspace to people who wait for it."""

    async def of(self, workspace: int) -> SyncFacts:
        """Its newest event, how many of its records could not be applied, and whether a sweep is held."""
        ...


class FleetBook(Protocol):
    """The gateways of all permissions processes, kept beside the order of changes."""

    async def report(self, member: FleetMember) -> None:
        """What a gateway says of itself; an older report than the one that is kept counts for nothing."""
        ...

    async def leave(self, gateway: UUID) -> None:
        """The gateway decides nothing any more."""
        ...

    async def members(self) -> Sequence[FleetMember]:
        """Every gateway that has not left; some of them may be gone."""
        ...

    async def forget(self, now: datetime) -> None:
        """Drops those that are long gone."""
        ...
