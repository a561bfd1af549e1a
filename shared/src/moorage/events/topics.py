"""The topics that facts travel on and how they are cut into partitions (authorization.md §2.1)."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic's name and number of partitions, which never changes: keys would move and order would break."""

    name: str
    partitions: int

    def partition_of(self, id: UUID) -> int:
        """Where the facts of a workspace, or of a user or credential, are: its uuid as an integer, modulo."""
        return id.int % self.partitions


AUTHORITY: Final = Topic("scm.authority.v1", 24)
IDENTITY: Final = Topic("identity.principals.v1", 6)
