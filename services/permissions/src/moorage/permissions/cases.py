"""Everything that a decision looks at, found at once: deciding then needs no I/O (authorization.md §1.4)."""

from dataclasses import dataclass
from uuid import UUID

from moorage.access.action import Action
from moorage.access.consistency import ConsistencyToken
from moorage.access.principal import Identity, PrincipalKind
from moorage.permissions.freshness import Freshness
from moorage.permissions.records import Image, Repository, Workspace, WorkspaceStanding


@dataclass(frozen=True, slots=True)
class Question:
    """May `identity` do `action` with what is called `image` in the workspace of this name?"""

    identity: Identity
    workspace: str
    image: str
    action: Action

    @property
    def repository_slug(self) -> str | None:
        """What the repository is called that a new image would be linked to; None if nothing would be made by name."""
        return None if self.action is not Action.PUSH or self.own_repository else self.image.partition("/")[0]

    @property
    def own_repository(self) -> UUID | None:
        """A pipeline's: a new image of its would be linked to that one, whatever the name says (§1.7)."""
        principal = self.identity.principal
        return principal.id if principal.kind is PrincipalKind.PIPELINE else None


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of a question.

    `named` is the repository that a push to a name without a record would link it to. `facts` has the role on that one
    and on the image's.
    """

    workspace: Workspace | None
    image: Image | None
    named: Repository | None
    facts: WorkspaceStanding


@dataclass(frozen=True, slots=True)
class Seen:
    """A case as the newest position has it, and how fresh what is known of the workspace is."""

    token: ConsistencyToken
    case: Case
    freshness: Freshness
