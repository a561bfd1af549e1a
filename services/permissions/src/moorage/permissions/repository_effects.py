"""What a new version of a repository does to images linked to it (authorization.md §1.9, §2.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from moorage.access.frames import EntityKind, Row
from moorage.access.image import NodeState
from moorage.events.node_facts import RepositorySet
from moorage.permissions import image_changes, rows
from moorage.permissions.folding import Placed
from moorage.permissions.images import store
from moorage.permissions.ports import Change
from moorage.permissions.reconcile import sums
from moorage.permissions.slots import Aliases, Table
from moorage.permissions.stores import KeptRepository


class Move(NamedTuple):
    """A repository, by alias, has gone from one state to another: its images follow."""

    repository: int
    before: NodeState
    after: NodeState


@dataclass(frozen=True, slots=True)
class RepositoryEffects:
    """The repositories of a batch, with what was stored of them before it."""

    placed: Sequence[Placed]
    kept: Mapping[int, KeptRepository]
    now: datetime

    @classmethod
    async def before(cls, change: Change, placed: Sequence[Placed], now: datetime) -> "RepositoryEffects":
        """Looks before the batch is written."""
        mine = [each for each in placed if each.slot.table is Table.REPOSITORY]
        kept = await change.facts.repositories({each.slot.a for each in mine}) if mine else {}
        return cls(mine, kept, now)

    def revives(self, placed: Placed) -> bool:
        """Whether a value that is not new has an effect: the repository was superseded elsewhere meanwhile."""
        kept = self.kept.get(placed.slot.a)
        return kept is not None and getattr(placed.fact.data, "state", kept.state) is not kept.state

    def row(self, placed: Placed, aliases: Aliases) -> Row:
        """The node's row; a transferred repository keeps the place it had, which its grace period is judged by."""
        data, kept = placed.fact.data, self.kept.get(placed.slot.a)
        if type(data) is not RepositorySet or data.state is not NodeState.TRANSFERRED or kept is None:
            return rows.fact_row(data, placed.slot, aliases, placed.held.version)
        return _gone(placed.slot.ws, kept, placed.held.version)

    async def after(self, change: Change, source: int) -> list[Move]:
        """Ends older places of repositories, once the batch is written; answers what images have to `follow`."""
        told: dict[UUID, Placed] = {}
        moves: list[Move] = []
        for each in self.placed:
            data, kept = each.fact.data, self.kept.get(each.slot.a)
            if type(data) is not RepositorySet:
                continue
            if kept is not None:
                moves.append(Move(kept.alias, kept.state, data.state))
            # One that has ended elsewhere was placed there: what placed it may be folded or compacted away (§2.2).
            if data.state is not NodeState.TRANSFERRED:
                told.setdefault(data.id, each)
        if told:
            moves += await self._supersede(change, told, source)
        return [each for each in moves if each.before.carries_roles != each.after.carries_roles]

    async def _supersede(self, change: Change, told: Mapping[UUID, Placed], source: int) -> list[Move]:
        moves = []
        for repository, slot in await change.facts.supersede(told.keys(), source):
            placed = told[repository]
            kept = (await change.facts.repositories([slot.a]))[slot.a]
            await sums.superseded(change, slot, placed.fact.key, (await change.facts.held([slot]))[slot], source)
            change.log.append(_gone(slot.ws, kept, placed.held.version), placed.fact.event.id)
            moves.append(Move(slot.a, NodeState.ACTIVE, NodeState.TRANSFERRED))
        return moves


async def follow(change: Change, moves: Sequence[Move], now: datetime) -> None:
    """Detaches and restores images, when all facts of the change are told.

    Readers may stand between any two of them: an image that is not yet detached gives nothing through a repository that
    is gone, one that is not yet restored no more than before. Not so where a repository has gone and come back.
    """
    apart = len({each.repository for each in moves}) == len(moves)
    for move in moves:
        for image in await change.images.linked([move.repository]):
            changed = image_changes.after_repository(image, move.before, move.after, now)
            if changed is not image:
                if apart:
                    change.log.pause()
                await store(change, changed)


def _gone(ws: int, kept: KeptRepository, version: int) -> Row:
    state = rows.STATE_CODES[NodeState.TRANSFERRED]
    return rows.node_row(ws, kept.alias, kept.project or 0, state, version, EntityKind.REPOSITORY, kept.slug or "")
