"""What a request wants to do with an image (authorization.md §1.5)."""

from enum import StrEnum

from moorage.access.role import Role


class Action(StrEnum):
    """One action per separately decided right."""

    PULL = "pull"
    PUSH = "push"
    DELETE_TAG = "delete-tag"
    DELETE = "delete"
    MANAGE = "manage"

    @property
    def minimum(self) -> Role:
        """The role on the linked repository that the action needs."""
        return _MINIMUM[self]

    @property
    def deletes(self) -> bool:
        """Whether it takes something away; deletions answer like reads where existence is hidden (V3)."""
        return self in (Action.DELETE_TAG, Action.DELETE)


_MINIMUM = {
    Action.PULL: Role.READ,
    Action.PUSH: Role.WRITE,
    Action.DELETE_TAG: Role.WRITE,
    Action.DELETE: Role.ADMIN,
    Action.MANAGE: Role.ADMIN,
}
