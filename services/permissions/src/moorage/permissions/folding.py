"""Folds a batch to one fact per key, and numbers the facts of a manual source."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar
from uuid import UUID

from moorage.access.image import NodeState
from moorage.events.decoding import Fact
from moorage.events.node_facts import RepositorySet
from moorage.permissions.slots import Slot
from moorage.permissions.versions import Held, Ruling, judge


class Placed(NamedTuple):
    """A fact, its place, and what storing it would leave there."""

    fact: Fact
    slot: Slot
    held: Held


class InSlot(Protocol):
    """What says something of a slot."""

    @property
    def slot(self) -> Hashable:
        """Its place."""
        ...

    @property
    def held(self) -> Held:
        """What storing it would leave there."""
        ...


AnyPlaced = TypeVar("AnyPlaced", bound=InSlot)


@dataclass(frozen=True, slots=True)
class Folded(Generic[AnyPlaced]):
    """One fact per slot; `disputed` are those where two values of the batch claim its version."""

    facts: tuple[AnyPlaced, ...]
    repeats: int
    stale: int
    disputed: tuple[AnyPlaced, ...]


def fold(placed: Iterable[AnyPlaced]) -> Folded[AnyPlaced]:
    """Keeps of each slot the highest version, and of two values of one version the one that permits less."""
    kept: dict[Hashable, AnyPlaced] = {}
    disputed: dict[Hashable, int] = {}
    repeats = stale = 0
    for each in placed:
        earlier = kept.get(each.slot)
        if earlier is None:
            kept[each.slot] = each
            continue
        ruling = judge(earlier.held, each.held)
        if ruling.replaces:
            kept[each.slot] = each
        if ruling.disputes:
            disputed[each.slot] = each.held.version
        repeats += ruling is Ruling.REPEAT
        # The lower of two versions in one batch is dropped, whichever came first.
        stale += ruling in (Ruling.STALE, Ruling.CHANGE, Ruling.RENEW)
    live = tuple(kept[slot] for slot, version in disputed.items() if kept[slot].held.version == version)
    return Folded(tuple(kept.values()), repeats, stale, live)


def turns(facts: Iterable[Placed]) -> list[list[Placed]]:
    """The facts, cut wherever a repository changes its state again: what it went through has effects of its own.

    Within a turn facts may be folded. A repository is one in all workspaces (§2.2).
    """
    found: list[list[Placed]] = [[]]
    states: dict[UUID, NodeState] = {}
    for each in facts:
        data = each.fact.data
        if type(data) is RepositorySet:
            if states.get(data.id, data.state) is not data.state:
                found.append([])
                states.clear()
            states[data.id] = data.state
        found[-1].append(each)
    return found


def number(facts: Iterable[tuple[Fact, Slot]], stored: Mapping[Slot, Held], counter: int) -> tuple[list[Placed], int]:
    """Gives facts without a version the next number of the counter, if their value differs (H5); answers the counter.

    Facts are numbered in their order, each seeing those before it; explicit versions lift the counter.
    """
    facts = list(facts)
    if all(fact.data.version is not None for fact, _ in facts):
        numbered = [Placed(fact, slot, Held.of(fact.data, fact.data.version or 0)) for fact, slot in facts]
        return numbered, max([counter, *(each.held.version for each in numbered)])
    latest = dict(stored)
    placed = []
    for fact, slot in facts:
        before = latest.get(slot)
        held = Held.of(fact.data, fact.data.version or 0)
        if fact.data.version is None:
            same = before is not None and before.fingerprint == held.fingerprint
            counter = counter if same else max(counter, before.version if before else 0) + 1
            held = Held(before.version if same and before else counter, held.fingerprint, held.rank)
        counter = max(counter, held.version)
        if before is None or held.version >= before.version:
            latest[slot] = held
        placed.append(Placed(fact, slot, held))
    return placed, counter
