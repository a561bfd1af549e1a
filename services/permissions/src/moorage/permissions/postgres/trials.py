"""What a trial keeps to itself: rows that every change of a workspace or a source writes would be locked by it."""

from collections.abc import Mapping

from moorage.permissions.postgres.authorities import PostgresAuthorities
from moorage.permissions.postgres.sources import PostgresSources
from moorage.permissions.reconcile_stores import Counted
from moorage.permissions.slots import Table


class UncountedAuthorities(PostgresAuthorities):
    """Count and checksum of what is held say nothing about rights."""

    async def add(self, source: int, counted: Mapping[tuple[int, Table], Counted]) -> None:
        """Adds nothing."""


class UncountedSources(PostgresSources):
    """Facts that are tried are the newest of their keys whatever the counter says."""

    async def count(self, source: int, counter: int) -> None:
        """Counts nothing."""
