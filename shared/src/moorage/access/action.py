"""What a request wants to do with an image (authorization.md §1.5)."""

from enum import StrEnum
from typing import Final

from moorage.access.role import Role

_MINIMUM: Final = {
    "pull": Role.READ,
    "push": Role.WRITE,
    "delete-tag": Role.WRITE,
    "delete": Role.ADMIN,
    "manage": Role.ADMIN,
}


class Action(StrEnum):
    """One action per separately decided right."""

    PULL = "pull"
    PUSH = "push"
    DELETE_TAG = "delete-tag"
    DELETE = "delete"
    MANAGE = "manage"

    def __init__(self, word: str) -> None:
        self.place = tuple(_MINIMUM).index(word)
        """Its place among all."""
        self.minimum = _MINIMUM[word]
        """The role on the linked repository that the action needs."""
        self.deletes = word in ("delete-tag", "delete")
        """Whether it takes something away; deletions answer like reads where existence is hidden (V3)."""
