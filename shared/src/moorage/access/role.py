"""Roles on a repository, and standing in a workspace (authorization.md §1.3)."""

from enum import IntEnum


class Role(IntEnum):
    """A role on a repository; the effective role is the maximum over all paths."""

    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """The role as facts and people spell it."""
        return self.name.lower()


class Membership(IntEnum):
    """What a workspace calls a user: only members and owners count for `workspace` visibility."""

    NONE = 0
    COLLABORATOR = 1
    MEMBER = 2
    OWNER = 3

    def __init__(self, value: int) -> None:
        self.counts = value >= 2
        """Whether `workspace` visibility reaches this person (§1.6)."""
