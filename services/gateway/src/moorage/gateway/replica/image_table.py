"""The image records of one workspace, by the name each bears now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from moorage.access.frames import ImageRow
from moorage.access.image import ImageRecord, ImageState, PushPolicy, Visibility
from moorage.access.sums import SUM_MASK, image_term
from moorage.gateway.replica.likeness import of_image
from moorage.gateway.replica.nodes import Node

_IMAGE_BYTES: Final = 500
"""What a record with its name and both of its entries takes, as measured."""
_NOBODY: Final = frozenset[UUID]()


class HeldImage(NamedTuple):
    """A record, the repository it is linked to, and which others it is like (moorage.gateway.replica.likeness)."""

    record: ImageRecord
    repository: Node
    likeness: int


class ImageTable:
    """Records of `workspace`. `sum` is that of moorage.access.sums over all of them."""

    def __init__(self, workspace: UUID) -> None:
        self.sum = 0
        self._workspace = workspace
        self._held: dict[str, HeldImage] = {}
        self._names: dict[int, str] = {}
        self.get: Final = self._held.get
        """What has a name now; the dictionary's own, for every decision asks."""

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        return _IMAGE_BYTES * len(self._held)

    @property
    def contents(self) -> Mapping[str, tuple[ImageRecord, int]]:
        """All of it, with the aliases of repositories."""
        return {name: (held.record, held.repository.alias) for name, held in self._held.items()}

    def put(self, alias: int, id: UUID, repository: Node, repository_id: UUID, extra: Mapping[str, Any]) -> None:
        """The image is as `extra` (an ImageRow) says. Raises ValueError."""
        record = _record(id, self._workspace, repository_id, ImageRow.model_validate(extra))
        self.remove(alias, id)
        self._names[alias] = record.name
        self._held[record.name] = HeldImage(record, repository, of_image(record))
        self.sum = (self.sum + image_term(alias, record.acl_seq)) & SUM_MASK

    def remove(self, alias: int, id: UUID) -> None:
        """The image is gone; its name is free, unless another one bears it by now (E6)."""
        name = self._names.pop(alias, None)
        held = self._held.get(name) if name is not None else None
        if name is not None and held and held.record.id == id:
            del self._held[name]
            self.sum = (self.sum - image_term(alias, held.record.acl_seq)) & SUM_MASK


def _record(id: UUID, workspace: UUID, repository: UUID, says: ImageRow) -> ImageRecord:
    consumers = says.consumer_repositories
    return ImageRecord(
        id=id,
        workspace=workspace,
        name=says.name,
        repository=repository,
        visibility=Visibility(says.visibility),
        push_policy=PushPolicy(says.push_policy),
        state=ImageState(says.state),
        link_gen=says.link_gen,
        acl_seq=says.acl_seq,
        deadline=_moment(says.deadline),
        pull_grace_until=_moment(says.pull_grace_until),
        consumer_repositories=frozenset(map(UUID, consumers)) if consumers else _NOBODY,
        admin_override=says.admin_override,
        publishers=tuple(each.value() for each in says.publishers),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
