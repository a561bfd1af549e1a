"""Who asks: principals, the credentials they show, and what a credential may ever be used for."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from moorage.access.action import Action
from moorage.access.publishers import PipelineRun
from moorage.access.role import Role


class PrincipalKind(StrEnum):
    """The kinds of principals. A service has no right on any image."""

    USER = "user"
    ROBOT = "robot"
    PIPELINE = "pipeline"
    SERVICE = "service"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `id` is the user's or robot's UUID, a pipeline's repository; None for anonymous."""

    kind: PrincipalKind
    id: UUID | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}" if self.id else str(self.kind)

    @classmethod
    def parse(cls, text: str) -> "Principal":
        """The principal that `text` spells, `<kind>:<uuid>` or `anonymous`. Raises ValueError."""
        kind, colon, identity = text.partition(":")
        if (kind == PrincipalKind.ANONYMOUS) == bool(colon):
            raise ValueError("a principal is <kind>:<uuid>, or anonymous")
        return cls(PrincipalKind(kind), UUID(identity) if colon else None)


ANONYMOUS = Principal(PrincipalKind.ANONYMOUS)


class Scope(StrEnum):
    """What a credential may ever be used for (authorization.md §1.4)."""

    READ = "image:read"
    WRITE = "image:write"
    DELETE = "image:delete"
    ADMIN = "image:admin"


ALL_SCOPES = frozenset(Scope)

_OPENED_BY: dict[Action, frozenset[Scope]] = {
    Action.PULL: frozenset({Scope.READ, Scope.WRITE, Scope.ADMIN}),
    Action.PUSH: frozenset({Scope.WRITE, Scope.ADMIN}),
    Action.DELETE_TAG: frozenset({Scope.DELETE, Scope.ADMIN}),
    Action.DELETE: frozenset({Scope.DELETE, Scope.ADMIN}),
    Action.MANAGE: frozenset({Scope.ADMIN}),
}


def scopes_open(scopes: frozenset[Scope], action: Action) -> bool:
    """Whether a credential with `scopes` may ever be used for `action`: `write` deletes nothing."""
    return not scopes.isdisjoint(_OPENED_BY[action])


@dataclass(frozen=True, slots=True)
class Bound:
    """The node inside which a credential counts: a repository, project or workspace, or a list of images."""

    kind: str
    ids: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Identity:
    """A principal and the credential shown; what the bearer token carries and the live check judges.

    `granted_role` is a robot's own role, at most what its owner gave; None for everyone else. `run` is what a
    pipeline's claims say beside its repository; a pipeline without it publishes nothing.
    """

    principal: Principal
    credential: UUID | None = None
    scopes: frozenset[Scope] = ALL_SCOPES
    bound: Bound | None = None
    granted_role: Role | None = None
    expires: datetime | None = None
    run: PipelineRun | None = None


NOBODY = Identity(ANONYMOUS)
