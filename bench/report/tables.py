"""The tables of the report."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Final

from bench.record import Record
from bench.report.comparison import Row, Verdict
from bench.report.markdown import NOTHING, figure, table, times
from bench.report.measure import CPU, MB_PER_CPU_SECOND, MB_PER_SECOND, P99, PEAK, RATE
from bench.sample import Sample

_STRESSED: Final = {Verdict.MISSED: "**missed**"}
_PEER_HEAD: Final = ("workload", "figure", "peer", "ours", "times better (rounds)", "must", "against 3.x", "")
_ALONE_HEAD: Final = ("what", "figure", "compared with", "theirs", "ours", "ours is (rounds)", "must", "stretch", "")


def against_peer(rows: Sequence[Row]) -> str:
    """Ratios to the peer of the run; the column of 3.x has must and stretch against that one."""
    return table(_PEER_HEAD, map(_peer_row, rows))


def _peer_row(row: Row) -> Sequence[str]:
    goal = row.goal
    three = f"{times(goal.must)}, {times(goal.stretch)}"
    figures = (goal.measure.unit, figure(row.reference), figure(row.ours))
    return (row.name, *figures, _ratio(row), times(row.gate), three, _told(row.verdict))


def alone(rows: Sequence[Row]) -> str:
    """What is not compared with the peer: ceilings, shares of floors, scaling."""
    return table(_ALONE_HEAD, map(_alone_row, rows))


def _alone_row(row: Row) -> Sequence[str]:
    goal, unit = row.goal, row.goal.measure.unit
    if goal.ceiling is None:
        limits = (times(goal.must), times(goal.stretch))
    else:
        limits = (f"≤ {goal.ceiling:g} {unit}", f"≤ {goal.ceiling_stretch:g} {unit}")
    theirs = (goal.reference if row.reference is not None else NOTHING, figure(row.reference))
    return (row.name, unit, *theirs, figure(row.ours), _ratio(row), *limits, _told(row.verdict))


def _ratio(row: Row) -> str:
    if row.ratio is None:
        return NOTHING
    return f"{figure(row.ratio.median)} ({figure(row.ratio.least)} to {figure(row.ratio.most)})"


def _told(verdict: Verdict) -> str:
    return _STRESSED.get(verdict, verdict.value)


_COLUMNS: Final[dict[str, Callable[[Sample], float]]] = {
    "ms CPU": CPU.of,
    "of it database": lambda sample: sample.database_cpu_seconds / sample.operations * 1000,
    "/s": RATE.of,
    "p50 ms": lambda sample: sample.p50_ms,
    "p99 ms": P99.of,
    "MB/s": MB_PER_SECOND.of,
    "MB/CPU-s": MB_PER_CPU_SECOND.of,
    "peak MiB": PEAK.of,
    "client ms CPU": lambda sample: sample.client_cpu_seconds / sample.operations * 1000,
}
_OF_BYTES: Final = ("MB/s", "MB/CPU-s")


def everything(record: Record) -> str:
    """Medians of all that was measured, per operation."""
    lines = [
        (name, label, *_figures(samples))
        for name, targets in record.results.samples.items()
        for label, samples in targets.items()
    ]
    return table(("workload", "target", *_COLUMNS), lines)


def _figures(samples: Sequence[Sample]) -> list[str]:
    has_bytes = samples[0].bytes_each > 0
    return [
        figure(median(map(of, samples))) if has_bytes or name not in _OF_BYTES else NOTHING
        for name, of in _COLUMNS.items()
    ]
