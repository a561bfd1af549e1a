"""Projects, repositories, environments and groups: what decisions need of one, found once and then followed."""

from typing import TYPE_CHECKING, Final

from moorage.access.frames import EntityKind
from moorage.access.image import NodeState
from moorage.access.packed import KINDS
from moorage.gateway.replica.facts import STATES

if TYPE_CHECKING:
    from moorage.gateway.replica.reach import Reach

CODES: Final = {kind.value: code for code, kind in enumerate(KINDS)}
REPOSITORY: Final = CODES[EntityKind.REPOSITORY]
ENVIRONMENT: Final = CODES[EntityKind.ENVIRONMENT]
GROUP: Final = CODES[EntityKind.GROUP]
ACTIVE: Final = 1
_ARCHIVED: Final = 2
_STATES: Final = (NodeState.DELETED, *(STATES[code] for code in sorted(STATES)))
_DELETED: Final = NodeState.DELETED


class Node:
    """An announced node, or (`state` 0) one of which only others have told. It changes in place: others point at it.

    `above` is a repository's project and an environment's repository. `reach` may be forgotten.
    """

    __slots__ = ("above", "alias", "kind", "reach", "state")

    def __init__(self, alias: int) -> None:
        self.alias = alias
        self.kind = 0
        self.state = 0
        self.above: Node | None = None
        self.reach: Reach | None = None

    @property
    def carries_roles(self) -> bool:
        """Whether the node has been announced and is active or archived (E1)."""
        return 0 < self.state <= _ARCHIVED

    @property
    def parent(self) -> int:
        """The alias of the node above; 0 for none."""
        return self.above.alias if self.above else 0

    def as_repository(self) -> "tuple[NodeState, Node | None]":
        """The repository's state, and its project if roles on that one count; what is no repository is deleted.

        A project that is gone takes its repositories along (E2: one fact ends a subtree).
        """
        state, project = self.state, self.above
        if self.kind != REPOSITORY:
            return _DELETED, None
        if project is None or not project.state:
            return _STATES[state], None
        if project.state <= _ARCHIVED:
            return _STATES[state], project
        return _STATES[project.state if state <= _ARCHIVED else state], None
