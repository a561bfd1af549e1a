"""Goals held against a record: medians, ratios with their least and most of the rounds, and verdicts."""

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from bench.peer.registry import LABEL as PEER
from bench.record import Record
from bench.report.goals import Goal


class Verdict(Enum):
    """What became of a goal."""

    STRETCH = "met, and the stretch"
    MET = "met"
    MISSED = "missed"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times better ours is: of the medians, and in the worst and the best round."""

    median: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Row:
    """A goal and what was measured for it; `ratio` and `reference` are None where there is nothing to compare with."""

    goal: Goal
    name: str
    ours: float
    reference: float | None
    ratio: Ratio | None
    gate: float | None
    verdict: Verdict


def rows(record: Record, goals: Sequence[Goal]) -> list[Row]:
    """One for each goal of which ours was measured."""
    return [_row(record, goal) for goal in goals if _values(record, goal, goal.ours)]


def peer_major(record: Record) -> int | None:
    """The major version of the peer, or None if it did not take part."""
    found = re.search(r"(\d+)\.", record.versions.get(PEER, ""))
    return int(found[1]) if found else None


def _row(record: Record, goal: Goal) -> Row:
    ours, reference = _values(record, goal, goal.ours), _values(record, goal, goal.reference)
    ratio = _ratio(goal, ours, reference) if reference else None
    gate = goal.must_2 if goal.reference == PEER and (peer_major(record) or 3) < 3 else goal.must
    return Row(
        goal=goal,
        name=_name(record, goal),
        ours=statistics.median(ours),
        reference=statistics.median(reference) if reference else None,
        ratio=ratio,
        gate=gate,
        verdict=_verdict(goal, statistics.median(ours), ratio, gate),
    )


def _values(record: Record, goal: Goal, label: str) -> list[float]:
    return [goal.measure.of(sample) for sample in record.results.samples.get(goal.workload, {}).get(label, ())]


def _ratio(goal: Goal, ours: Sequence[float], reference: Sequence[float]) -> Ratio:
    rounds = [goal.measure.advantage(our, their) for our, their in zip(ours, reference, strict=True)]
    whole = goal.measure.advantage(statistics.median(ours), statistics.median(reference))
    return Ratio(whole, min(rounds), max(rounds))


def _verdict(goal: Goal, ours: float, ratio: Ratio | None, gate: float | None) -> Verdict:
    if goal.ceiling is not None:
        return _graded(-ours, -goal.ceiling, None if goal.ceiling_stretch is None else -goal.ceiling_stretch)
    if ratio is None or gate is None:
        return Verdict.NONE
    return _graded(ratio.median, gate, goal.stretch if gate == goal.must else None)


def _graded(value: float, must: float, stretch: float | None) -> Verdict:
    if stretch is not None and value >= stretch:
        return Verdict.STRETCH
    return Verdict.MET if value >= must else Verdict.MISSED


def _name(record: Record, goal: Goal) -> str:
    sizes = record.sizes
    return goal.name.format(layer=sizes.layer_mib, eighth=sizes.layer_mib // 8, large=sizes.large_mib, tags=sizes.tags)
