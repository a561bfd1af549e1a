"""The version rule for edges in columns: one per place, what of them replaces what is stored, what it adds (§2.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Final, NamedTuple

from moorage.events.checksums import digest
from moorage.events.plain_edges import PlainEdge
from moorage.permissions.edge_columns import Edges, Ends
from moorage.permissions.folding import fold
from moorage.permissions.reconcile_stores import Counted
from moorage.permissions.versions import Held, Ruling, judge

_RULINGS: Final = tuple(Ruling)


class _Told(NamedTuple):
    """An edge, its place, and what storing it would leave there."""

    told: PlainEdge
    slot: Ends
    held: Held


@dataclass(frozen=True, slots=True)
class FoldedEdges:
    """Edges of which no two have one place; `disputed` are places where two values of the batch claim one version."""

    edges: Edges
    repeats: int = 0
    stale: int = 0
    disputed: frozenset[Ends] = frozenset()


@dataclass(frozen=True, slots=True)
class Ruled:
    """Edges that replace what was stored, what that was, and how many of which ruling there were."""

    kept: Edges
    before: Mapping[Ends, Held]
    changed: Edges
    disputed: Edges
    count: Mapping[Ruling, int]


def fold_edges(edges: Edges) -> FoldedEdges:
    """Keeps one edge of each place, by the same rule as of all other facts."""
    if len(set(edges.ends)) == len(edges.ends):
        return FoldedEdges(edges)
    pairs = zip(edges.told, edges.ends, strict=True)
    folded = fold(_Told(told, ends, Held(told.version, told.rank, told.rank)) for told, ends in pairs)
    one_each = edges.of([each.told for each in folded.facts], [each.slot for each in folded.facts])
    return FoldedEdges(one_each, folded.repeats, folded.stale, frozenset(each.slot for each in folded.disputed))


def rule(folded: FoldedEdges, held: Mapping[Ends, Held]) -> Ruled:
    """What becomes of the edges, by what is stored in their places."""
    rulings = _rulings(folded.edges, held)
    count = {each: number for each in _RULINGS if (number := rulings.count(each))}
    count[Ruling.REPEAT] = count.get(Ruling.REPEAT, 0) + folded.repeats
    count[Ruling.STALE] = count.get(Ruling.STALE, 0) + folded.stale
    edges, disputed = folded.edges, _disputed(folded, rulings)
    if count.get(Ruling.CHANGE) == len(rulings):
        return Ruled(edges, held, edges, disputed, count)
    kept = edges.only([each.replaces for each in rulings])
    return Ruled(kept, held, edges.only([each.changes for each in rulings]), disputed, count)


def _rulings(edges: Edges, held: Mapping[Ends, Held]) -> Sequence[Ruling]:
    if not held:
        return [Ruling.CHANGE] * len(edges.told)
    return [
        judge(before, Held(told.version, told.rank, told.rank))
        for told, before in zip(edges.told, map(held.get, edges.ends), strict=True)
    ]


def _disputed(folded: FoldedEdges, rulings: Sequence[Ruling]) -> Edges:
    inside = map(folded.disputed.__contains__, folded.edges.ends) if folded.disputed else repeat(False)
    return folded.edges.only(
        [each.disputes or (two and each is not Ruling.STALE) for each, two in zip(rulings, inside, strict=False)]
    )


def counted(ruled: Ruled) -> Counted:
    """How count and checksum of the workspace's facts move with the facts (§2.6)."""
    kept, facts, checksum = ruled.kept, 0, 0
    for told, ends in zip(kept.told, kept.ends, strict=True):
        if told.rank:
            facts += 1
            checksum += told.digest
        if ruled.before and (held := ruled.before.get(ends)) and held.rank:
            facts -= 1
            checksum -= digest(told.key, held.version, held.fingerprint)
    return Counted(facts, checksum, max(each.version for each in kept.told))
