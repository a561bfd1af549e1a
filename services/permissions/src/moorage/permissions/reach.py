"""Whom lists are for: what somebody could possibly pull, so that no list looks at everything there is (§1.4, §1.6).

A reach is never too narrow and may be too wide: it says where to look, and the rules decide on each that is found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from moorage.access.image import Visibility
from moorage.access.principal import Identity, PrincipalKind
from moorage.access.role import Membership
from moorage.permissions.records import Image, Workspace

_NOTHING: Final[frozenset[UUID]] = frozenset()


@dataclass(frozen=True, slots=True)
class Reach:
    """By what something may be open to an identity, beside being public: facts about a `user`, or ids.

    `nodes` are workspaces, projects, repositories and images; `consumer` is a pipeline's repository.
    """

    user: UUID | None = None
    nodes: frozenset[UUID] = _NOTHING
    consumer: UUID | None = None

    @classmethod
    def of(cls, identity: Identity) -> "Reach":
        """That of an identity. What a credential's bound takes from a user is left to the rules."""
        id = identity.principal.id
        match identity.principal.kind:
            case PrincipalKind.USER:
                return cls(user=id)
            case PrincipalKind.PIPELINE if id:
                return cls(nodes=frozenset({id}), consumer=id)
            case PrincipalKind.ROBOT if identity.bound:
                return cls(nodes=identity.bound.ids)
            case _:
                return cls()


@dataclass(frozen=True, slots=True)
class Opened:
    """What of one workspace may be open, whatever it is linked to: `all`, or what has one of these visibilities."""

    all: bool
    visibilities: tuple[Visibility, ...]

    @classmethod
    def to(cls, reach: Reach, workspace: Workspace, membership: Membership) -> "Opened":
        """What the workspace opens to who has this membership there."""
        if membership.counts:
            everything = membership is Membership.OWNER
            return cls(everything, (Visibility.PUBLIC, Visibility.WORKSPACE))
        public = (Visibility.PUBLIC,) if workspace.allow_public else ()
        return cls(workspace.id in reach.nodes, public)


class Reachable(Protocol):
    """Looks where a reach says. See tests/contracts/reachable.py."""

    async def workspaces(self, reach: Reach, start: str, limit: int) -> Sequence[str]:
        """Names (bytewise) from `start` on, of workspaces in which something may be open to it."""
        ...

    async def images(
        self, workspace: Workspace, reach: Reach, opened: Opened, after: str, limit: int
    ) -> Sequence[Image]:
        """Records by name (bytewise), after a name: all that the reach may be open to, and few others."""
        ...
