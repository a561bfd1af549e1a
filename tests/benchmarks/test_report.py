"""The page and its chart, from figures that were recorded on 30 November 2026, and from some that are made up."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from bench.floor.server import APPLICATION
from bench.peer.registry import LABEL as PEER
from bench.product.registry import LABEL as OURS
from bench.record import Record
from bench.report import page
from bench.report.chart import chart
from bench.report.comparison import Ratio, Row, Verdict, rows
from bench.report.goals import AGAINST_PEER, ALONE, Goal
from bench.report.markdown import figure, table
from bench.report.measure import CPU, MB_PER_CPU_SECOND, P99, PEAK, RATE
from bench.rounds import Results
from bench.sample import Sample
from bench.workloads.catalogue import WORKLOADS

RECORDED = Path(__file__).with_name("recorded.json")
NAMESPACE = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def recorded() -> Record:
    """A real run, though a quick one."""
    return Record.from_json(RECORDED.read_text(encoding="utf-8"))


def _sample(cpu_ms: float, peak_mib: float = 50.0) -> Sample:
    return Sample(
        100, 2.0, cpu_ms / 10, 0.0, 0.1, p50_ms=cpu_ms, p99_ms=10 * cpu_ms, peak_mib=peak_mib, bytes_each=1_000_000
    )


def _with(record: Record, workload: str, version: str = "2.8.2", **figures: Sequence[Sample]) -> Record:
    """The record with these samples alone; `peer`, `ours` and `floor` are lists of them."""
    labels = {"peer": PEER, "ours": OURS, "floor": APPLICATION}
    samples = {workload: {labels[name]: list(each) for name, each in figures.items()}}
    versions = {PEER: f"CNCF Distribution {version}"}
    return replace(record, results=Results(samples), versions=versions)


def _row(record: Record, name: str) -> Row:
    return next(row for row in rows(record, [*AGAINST_PEER, *ALONE]) if row.name.startswith(name))


def test_a_sample_knows_its_rates() -> None:
    """By operation, by second, by second of CPU."""
    sample = _sample(20.0)
    assert (CPU.of(sample), RATE.of(sample), P99.of(sample)) == (20.0, 50.0, 200.0)
    assert MB_PER_CPU_SECOND.of(sample) == 50.0
    assert sample.mb_per_second == 50.0
    assert MB_PER_CPU_SECOND.of(replace(sample, cpu_seconds=0.0)) == 0.0


def test_a_ratio_is_that_of_the_medians_with_the_rounds_beside_it(recorded: Record) -> None:
    """Rounds of the same number are compared, whatever the machine did in them."""
    record = _with(
        recorded,
        "ping",
        peer=[_sample(10), _sample(20), _sample(40)],
        ours=[_sample(1), _sample(1), _sample(4)],
    )
    row = _row(record, "GET /v2/")
    assert (row.reference, row.ours) == (20.0, 1.0)
    assert row.ratio == Ratio(20.0, 10.0, 20.0)
    assert row.verdict is Verdict.MET


@pytest.mark.parametrize(
    ("version", "peer", "verdict"),
    [
        ("2.8.2+ds1", 14.9, Verdict.MISSED),
        ("2.8.2+ds1", 15.0, Verdict.MET),
        ("3.0.0", 5.9, Verdict.MISSED),
        ("3.0.0", 6.0, Verdict.MET),
        ("3.0.0", 15.0, Verdict.STRETCH),
    ],
)
def test_the_gate_is_that_of_the_peer_that_ran(recorded: Record, version: str, peer: float, verdict: Verdict) -> None:
    """Distribution 3 is quicker, so its gates are lower, and it alone has a stretch."""
    record = _with(recorded, "manifest_get_tag", version, peer=[_sample(peer)], ours=[_sample(1.0)])
    assert _row(record, "manifest GET by tag").verdict is verdict


@pytest.mark.parametrize(("peak", "verdict"), [(121.0, Verdict.MISSED), (120.0, Verdict.MET), (80.0, Verdict.STRETCH)])
def test_a_ceiling_needs_no_peer(recorded: Record, peak: float, verdict: Verdict) -> None:
    """Memory is judged by itself."""
    record = _with(recorded, "push_layer_c4", ours=[_sample(1.0, peak)])
    row = _row(record, "peak memory")
    assert (row.verdict, row.ratio, row.goal.measure) == (verdict, None, PEAK)


def test_a_floor_is_a_share(recorded: Record) -> None:
    """Half as cheap is twice its cost, which is allowed."""
    record = _with(recorded, "manifest_get_tag", ours=[_sample(0.08)], floor=[_sample(0.04)])
    row = _row(record, "manifest GET by tag, share")
    assert row.ratio == Ratio(0.5, 0.5, 0.5)
    assert row.verdict is Verdict.MET


def test_every_goal_names_a_workload_that_exists() -> None:
    """And every part of it takes part there."""
    parts = {workload.name: workload.runs for workload in WORKLOADS}
    goals: Sequence[Goal] = [*AGAINST_PEER, *ALONE]
    assert all(goal.ours in parts[goal.workload] for goal in goals)
    assert all(goal.reference in parts[goal.workload] for goal in goals if goal.measure is not PEAK)


def test_the_page_holds_every_figure_and_who_they_are_of(recorded: Record) -> None:
    """Nothing that was measured is left out."""
    text = page.page(recorded, "performance.svg")
    assert "(performance.svg)" in text
    assert all(f"| {name} |" in text for name in recorded.results.samples)
    assert all(version in text for version in recorded.versions.values())
    assert "`push_layer_c1` failed: bare-receiver did not come up" in text
    assert "of many lines" not in text
    assert recorded.machine.cpu in text
    assert 'make bench BENCH_ARGS="--rounds 1 --quick"' in text
    assert "{" not in text


def test_the_tables_have_as_many_cells_in_each_row(recorded: Record) -> None:
    """Markdown drops what is too much without a word."""
    lines = page.page(recorded, "x.svg").splitlines()
    starts = [
        number for number, line in enumerate(lines) if line.startswith("|") and not lines[number - 1].startswith("|")
    ]
    assert len(starts) == 4
    for start in starts:
        cells = {line.count("|") for line in _block(lines[start:])}
        assert len(cells) == 1


def _block(lines: Sequence[str]) -> list[str]:
    end = next((number for number, line in enumerate(lines) if not line.startswith("|")), len(lines))
    return list(lines[:end])


def test_the_chart_is_a_picture_with_a_bar_and_a_mark_for_each_goal(recorded: Record) -> None:
    """For both colour schemes."""
    shown = page.against_peer(recorded)
    root = ElementTree.fromstring(chart(shown, page.title(recorded)))
    assert len(root.findall(f"{NAMESPACE}rect")) == len(shown)
    assert len(root.findall(f"{NAMESPACE}line[@class='gate']")) == len(shown)
    assert "prefers-color-scheme: dark" in root.findtext(f"{NAMESPACE}style", "")
    assert root.findtext(f"{NAMESPACE}title") == "Times better than CNCF Distribution 2 (log scale; mark: goal)"


def test_a_record_is_read_as_it_was_written(recorded: Record) -> None:
    """What is derived from samples is for readers of the JSON."""
    text = recorded.to_json()
    assert Record.from_json(text) == recorded
    assert '"cpu_ms"' in text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.03456, "0.0346"), (1.5, "1.5"), (99.96, "100"), (1234.5, "1,234")]
)
def test_figures_are_short(value: float | None, text: str) -> None:
    """Three digits that mean something."""
    assert figure(value) == text


def test_a_table_is_markdown() -> None:
    """With a line under its head."""
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
