"""What all facts have in common: who says it, its version, its key and its value."""

from datetime import datetime
from typing import ClassVar, Final

from pydantic import BaseModel, ConfigDict

from moorage.access.image import NodeState
from moorage.events.fields import Id, LongText, Text, Version

Value = tuple[str | int | bool | tuple[str, ...] | None, ...]


class FactData(BaseModel):
    """Base of all facts. `version` may be missing only from a manual source, which permissions numbers (H5)."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    suffix: ClassVar[str]

    workspace: Id
    version: Version | None = None
    by: LongText | None = None
    origin: Text | None = None
    snapshot: Text | None = None

    def key(self) -> str:
        """The fact key, which is the event's `subject`."""
        raise NotImplementedError

    def value(self) -> Value:
        """What the fact says, without who said it and when: equal values are the same fact."""
        raise NotImplementedError

    @property
    def rank(self) -> int:
        """How much the fact permits: of two that contradict each other at one version the lower rank is kept."""
        raise NotImplementedError

    @property
    def parts(self) -> tuple[BaseModel, ...]:
        """The objects inside it."""
        return ()


_RANK: Final = {
    NodeState.ACTIVE: 5,
    NodeState.ARCHIVED: 4,
    NodeState.DELETED: 3,
    NodeState.TRANSFERRED: 2,
    NodeState.SUSPENDED: 1,
}


class NodeData(FactData):
    """Base of facts about something that has a state."""

    state: NodeState

    @property
    def rank(self) -> int:
        """By state."""
        return _RANK[self.state]


class IdentityData(FactData):
    """Base of facts that belong to no workspace; one that is named in them says nothing."""

    workspace: ClassVar[None] = None  # type: ignore[misc]  # not even a field


def text_of(instant: datetime | None) -> str | None:
    """An instant as values spell it."""
    return instant.isoformat() if instant else None
