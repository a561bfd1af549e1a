"""A world of facts that is the same at every run: what is in it, and what follows from it, by arithmetic.

One big workspace has 70 % of everything but users, who all are its members; each of twelve others has 2.5 %, with a
tenth of the users.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final
from uuid import UUID

from bench.authorization.spread import Spread
from permissions.sample_facts import uuid_of

USERS: Final = 100_000
REPOSITORIES: Final = 50_000
GROUPS: Final = 10_000
EDGES: Final = 5_000_000
BIG: Final = "w00"
SMALL: Final = tuple(f"w{number:02}" for number in range(1, 13))
_BIG_SHARE: Final = 0.7
_SMALL_SHARE: Final = 0.025
_REPOSITORIES_PER_PROJECT: Final = 20
ROLES: Final = ("read", "read", "read", "write", "read", "write", "read", "admin")
"""What the n-th pair of a grant gives, over and over."""


@dataclass(frozen=True)
class Place:
    """One workspace: how many of what, and which users; `first` is the first of its users."""

    name: str
    users: int
    first: int
    repositories: int
    groups: int
    edges: int

    @cached_property
    def projects(self) -> int:
        return max(1, self.repositories // _REPOSITORIES_PER_PROJECT)

    @cached_property
    def id(self) -> UUID:
        return uuid_of("workspace", self.name)

    @cached_property
    def members(self) -> Spread:
        """Group → users."""
        return Spread.of(self.groups, self.users, round(0.45 * self._rest))

    @cached_property
    def readers(self) -> Spread:
        """Repository → users with a grant of their own."""
        return Spread.of(self.repositories, self.users, round(0.40 * self._rest))

    @cached_property
    def teams(self) -> Spread:
        """Repository → groups."""
        return Spread.of(self.repositories, self.groups, round(0.12 * self._rest))

    @cached_property
    def project_readers(self) -> Spread:
        """Project → users."""
        return Spread.of(self.projects, self.users, round(0.02 * self._rest))

    @cached_property
    def project_teams(self) -> Spread:
        """Project → groups."""
        return Spread.of(self.projects, self.groups, round(0.01 * self._rest))

    @property
    def _rest(self) -> int:
        return max(0, self.edges - self.users)

    @property
    def facts(self) -> int:
        """How many facts tell all of it, users aside."""
        spreads = (self.members, self.readers, self.teams, self.project_readers, self.project_teams)
        nodes = 1 + self.projects + self.repositories + self.groups
        return nodes + self.users + sum(each.pairs for each in spreads)

    def repository(self, number: int) -> str:
        """The name and slug of a repository."""
        return f"{self.name}-r{number}"

    def role(self, user: int, repository: int) -> int:
        """The effective role of the workspace's n-th user (authorization.md §1.4): 0 none to 3 admin."""
        project = repository % self.projects
        nodes = ((repository, self.readers, self.teams), (project, self.project_readers, self.project_teams))
        best = 0
        for node, people, teams in nodes:
            if people.has(node, user):
                best = max(best, _level(node, user))
            for group in teams.things(node):
                if _level(node, group) > best and self.members.has(group, user):
                    best = _level(node, group)
        return best


def role_word(node: int, grantee: int) -> str:
    """What a grant gives."""
    return ROLES[(node + grantee) % len(ROLES)]


def _level(node: int, grantee: int) -> int:
    return ("none", "read", "write", "admin").index(role_word(node, grantee))


@dataclass(frozen=True)
class World:
    """`scale` of everything."""

    scale: float

    @cached_property
    def users(self) -> int:
        return max(200, round(USERS * self.scale))

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """The big workspace first."""
        big = self._place(BIG, _BIG_SHARE, self.users, 0)
        few = max(20, self.users // 10)
        others = [
            self._place(name, _SMALL_SHARE, few, number * few % (self.users - few)) for number, name in enumerate(SMALL)
        ]
        return (big, *others)

    @property
    def facts(self) -> int:
        """How many facts tell all of it."""
        return self.users + sum(place.facts for place in self.places)

    @property
    def edges(self) -> int:
        """How many of them are memberships and grants."""
        return sum(place.facts - 1 - place.projects - place.repositories - place.groups for place in self.places)

    def _place(self, name: str, share: float, users: int, first: int) -> Place:
        repositories = max(10, round(REPOSITORIES * self.scale * share))
        groups = max(5, round(GROUPS * self.scale * share))
        return Place(name, users, first, repositories, groups, max(2 * users, round(EDGES * self.scale * share)))
