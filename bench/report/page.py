"""`docs/performance.md`: what was measured, against what, on what, how to repeat it; its prose is `template.md`."""

from pathlib import Path
from typing import Final

from bench.machine import Machine
from bench.record import Record
from bench.report import tables
from bench.report.comparison import Row, Verdict, peer_major, rows
from bench.report.goals import AGAINST_PEER, ALONE
from bench.report.markdown import table

_LINE_END: Final = "\n"
_TEMPLATE: Final = Path(__file__).with_name("template.md")


def page(record: Record, chart: str) -> str:
    """The page; `chart` is where its picture lies."""
    against, alone = rows(record, AGAINST_PEER), rows(record, ALONE)
    return _TEMPLATE.read_text(encoding="utf-8").format(
        summary=_summary(against + alone, record.machine),
        chart=chart,
        rounds=record.rounds,
        turns=" ".join("AB" * min(record.rounds, 3)),
        against_peer=tables.against_peer(against),
        alone=tables.alone(alone),
        everything=tables.everything(record),
        failures=_failures(record),
        machine=_machine(record),
        command=f'make bench BENCH_ARGS="{record.arguments}"' if record.arguments else "make bench",
    )


def figures(record: Record) -> str:
    """The tables alone, for a terminal."""
    judged = rows(record, AGAINST_PEER)
    parts = [tables.against_peer(judged)] if any(row.ratio for row in judged) else []
    return "\n".join([*parts, tables.alone(rows(record, ALONE)), tables.everything(record), _failures(record)])


def title(record: Record) -> str:
    """The chart's."""
    major = peer_major(record)
    return f"Times better than CNCF Distribution {major or ''} (log scale; mark: goal)".replace("  ", " ")


def against_peer(record: Record) -> list[Row]:
    """The rows that the chart shows."""
    return rows(record, AGAINST_PEER)


def _summary(judged: list[Row], machine: Machine) -> str:
    verdicts = [row.verdict for row in judged if row.verdict is not Verdict.NONE]
    missed = verdicts.count(Verdict.MISSED)
    text = f"Of {len(verdicts)} goals {len(verdicts) - missed} are met and {missed} missed."
    if machine.load <= machine.cores / 2:
        return text
    return f"{text} The machine was busy with other work (load {machine.load:g}): look at ratios, and repeat it alone."


def _failures(record: Record) -> str:
    lines = [f"- `{name}` failed: {text.partition(_LINE_END)[0]}" for name, text in record.results.failures.items()]
    return "\n" + "\n".join(lines) + "\n" if lines else ""


def _machine(record: Record) -> str:
    machine = record.machine
    facts = [
        ("began", f"{record.began}, took {record.minutes:.0f} minutes"),
        ("machine", f"{machine.cores} cores of {machine.cpu}, {machine.memory_gib:g} GiB"),
        ("system", f"{machine.system}, Linux {machine.kernel}, data on {machine.file_system}"),
        ("load average at the beginning", f"{machine.load:g}"),
        ("Python", machine.python),
        ("commit", machine.commit),
        *record.versions.items(),
    ]
    return table(("", ""), facts)
