"""The past, and everybody's roles at once: what explanations need beside what decisions look at (§4)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.access.role import Role
from moorage.permissions.bookkeeping import Freshnesses
from moorage.permissions.lookups import Cases, CredentialReader, Hierarchy, ImageReader, Standings
from moorage.permissions.records import Path


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the order of changes, and the time to decide for; what is missing follows from what is there."""

    token: ConsistencyToken | None = None
    moment: datetime | None = None

    @classmethod
    def parse(cls, text: str | None) -> "Position":
        """`zt1.<epoch>.<seq>`, an instant, both with an @ between them, or None for head now. Raises ValueError."""
        if text is None:
            return cls()
        token, both, moment = text.partition("@")
        if not both and not text.startswith("zt1."):
            return cls(None, _instant(text))
        return cls(ConsistencyToken.parse(token), _instant(moment) if both else None)


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("an instant needs its offset from UTC, as in 2026-11-23T10:00:00Z")
    return found


@dataclass(frozen=True, slots=True)
class Holder:
    """A user with a role on a repository. `account` is None for one that no fact has announced."""

    alias: int
    id: UUID
    account: str | None
    active: bool
    role: Role


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A user's role on a repository, by alias."""

    user: int
    repository: int
    role: Role


@dataclass(frozen=True, slots=True)
class Shift:
    """A user whose role on an image is not what it was."""

    user: int
    id: UUID
    account: str | None
    before: Role
    after: Role


@dataclass(frozen=True, slots=True)
class About:
    """What changes are asked about: records and facts that touch these, by alias."""

    workspace: int
    image: int | None = None
    repositories: frozenset[int] = frozenset()
    user: int | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """A value that took the place of another: of what (`kind` as tables are called), named by `a` and `b`.

    `before` is None for the first one. Values are as they are stored; which of them matter is for the reader to say.
    """

    seq: int
    at: datetime | None
    kind: str
    a: str
    b: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]
    by: str | None = None
    event: str | None = None


class Holders(Protocol):
    """Everybody's roles."""

    async def page(
        self, workspace: int, repository: int, minimum: Role, after: UUID | None, limit: int
    ) -> Sequence[Holder]:
        """Users with at least this role on the repository, by id, after one."""
        ...

    async def paths(self, workspace: int, repository: int, users: Collection[int]) -> Mapping[int, Sequence[Path]]:
        """Every path of each of these users, strongest first."""
        ...

    async def roles(
        self, workspace: int, repositories: Collection[int], users: Collection[int] | None, limit: int
    ) -> Sequence[HeldRole]:
        """All roles on these repositories, of these users or of all; at most `limit`."""
        ...

    async def admins(self, workspace: int, repository: int) -> Sequence[str]:
        """The first 20 groups and users that have ADMIN on the repository by themselves: `group:<slug>`, by name."""
        ...

    async def members(self, groups: Collection[int]) -> Sequence[int]:
        """The users in these groups."""
        ...


class History(Protocol):
    """What was said before."""

    async def changes(self, about: About, after: int, limit: int) -> Sequence[Changed]:
        """Changes after a seq and up to this view's position, newest first."""
        ...

    async def shifts(
        self, workspace: int, former: int | None, since: int, current: int | None, after: UUID | None, limit: int
    ) -> Sequence[Shift]:
        """Active users with another role on the repository `former` at a seq than on `current` at this view's position.

        By id, after one; None is a repository on which nobody has a role.
        """
        ...


class Looking(Protocol):
    """A view of one position, now or then; `moment` is the time that decisions are to be taken for."""

    @property
    def token(self) -> ConsistencyToken: ...

    @property
    def moment(self) -> datetime: ...

    @property
    def hierarchy(self) -> Hierarchy: ...

    @property
    def standings(self) -> Standings: ...

    @property
    def cases(self) -> Cases: ...

    @property
    def images(self) -> ImageReader: ...

    @property
    def credentials(self) -> CredentialReader: ...

    @property
    def freshness(self) -> Freshnesses: ...

    @property
    def holders(self) -> Holders: ...

    @property
    def history(self) -> History: ...
