"""`python -m bench.authorization`: one line of JSON for each figure on stdout, what goes on on stderr."""

import argparse
import asyncio
import tempfile
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.authorization import deciding, insight, loading, new_enemies, propagation, stalls, storm
from bench.authorization.figure import Goal, at_least
from bench.authorization.opening import open_site, rebuild
from bench.authorization.population import Held, images, owners
from bench.authorization.progress import said
from bench.authorization.site import Site, start_postgres
from moorage.runtime import logging
from servers.postgres import PostgresForTests

WRONG_ALLOWS: Final = Goal("wrong_allows", "", 0)
ASKED_AFTER: Final = at_least("requests_after_enforcement", "", 10_000)


@dataclass
class Run:
    """What sections share."""

    site: Site
    tally: propagation.Tally = field(default_factory=propagation.Tally)
    held: Sequence[Held] = ()

    async def images(self) -> Sequence[Held]:
        """Image records, made once."""
        if not self.held:
            await owners(self.site)
            self.held = await images(self.site)
        return self.held


@dataclass(frozen=True, slots=True)
class Section:
    """Figures that are taken together."""

    name: str
    goals: Sequence[Goal]
    measure: Callable[[Run], Awaitable[Mapping[Goal, float]]]


async def _checks(run: Run) -> Mapping[Goal, float]:
    return await deciding.checks(run.site, await run.images())


async def _authority(run: Run) -> Mapping[Goal, float]:
    return await deciding.authority(run.site, await run.images())


def _insight(goal: Goal) -> Section:
    async def measure(run: Run) -> Mapping[Goal, float]:
        return await insight.insight(goal, run.site, await run.images())

    return Section(goal.name.removesuffix("_p99"), (goal,), measure)


async def _wrong(run: Run) -> Mapping[Goal, float]:
    return {WRONG_ALLOWS: run.tally.wrong, ASKED_AFTER: run.tally.asked_after}


async def _rebuild(run: Run) -> Mapping[Goal, float]:
    return {loading.REBUILD: await rebuild(run.site)}


SECTIONS: Final = (
    Section("rebuild", (loading.REBUILD,), _rebuild),
    # Before the backlog, which makes a quarter of a million more users known.
    Section("gateway", (loading.READY, loading.MEMORY), lambda run: loading.gateway(run.site)),
    Section("ingest", (loading.INGEST,), lambda run: loading.ingest(run.site)),
    Section("checks", (deciding.RATE, deciding.P99, deciding.WRONG), _checks),
    Section(
        "stalls",
        (stalls.STORM, stalls.FRAME, stalls.LOADING, stalls.FIRST_USE),
        lambda run: stalls.stalls(run.site),
    ),
    Section("authority", (deciding.ASK_P50, deciding.ASK_P99, deciding.ASK_RATE, deciding.ASK_WRONG), _authority),
    *map(_insight, insight.GOALS),
    Section(
        "propagation",
        (
            propagation.REVOKED_P50,
            propagation.REVOKED_P99,
            propagation.GRANTED_P50,
            propagation.GRANTED_P99,
            propagation.EXPRESS_P99,
            propagation.SETTING_P50,
            propagation.SETTING_P99,
        ),
        lambda run: propagation.propagation(run.site, run.tally),
    ),
    Section("storm", (storm.HERE, storm.ELSEWHERE, storm.EXPRESS), lambda run: storm.storm(run.site, run.tally)),
    Section("wrong_allows", (WRONG_ALLOWS, ASKED_AFTER), _wrong),
    Section("new_enemy", (new_enemies.SUCCESSES, new_enemies.ATTEMPTS), lambda run: new_enemies.new_enemies(run.site)),
)
ALWAYS: Final = "rebuild"
"""Everything else needs what it makes."""


def main() -> None:
    """Runs the chosen sections, in order; a section that fails does not end the run."""
    names = [section.name for section in SECTIONS]
    parser = argparse.ArgumentParser(prog="python -m bench.authorization", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="a fraction of the world and of the repetitions (1.0)")
    parser.add_argument("--only", default="", help=f"some of {','.join(names)} (all); {ALWAYS} is always among them")
    options = parser.parse_args()
    chosen = set(options.only.split(",")) - {""} or set(names)
    if unknown := chosen - set(names):
        parser.error(f"no such figures: {', '.join(sorted(unknown))}")
    logging.configure("bench", level="WARNING")
    # PostgreSQL refuses to run as root, and its stand-in cannot enter a folder of ours.
    with tempfile.TemporaryDirectory(prefix="moorage-bench-") as data, tempfile.TemporaryDirectory() as folder:
        postgres = start_postgres(Path(data))
        try:
            asyncio.run(_run(Path(folder), options.scale, postgres, chosen | {ALWAYS}))
        finally:
            postgres.stop()


async def _run(folder: Path, scale: float, postgres: PostgresForTests, chosen: set[str]) -> None:
    async with open_site(folder, scale, postgres) as site:
        run = Run(site)
        for section in SECTIONS:
            if section.name in chosen:
                await _measure(section, run)


async def _measure(section: Section, run: Run) -> None:
    said(f"[bold]{section.name}[/bold]")
    try:
        values = await section.measure(run)
    except Exception as error:  # a figure that can't be taken is a result, and the others are taken
        said(traceback.format_exc())
        lines = [goal.failure(error) for goal in section.goals]
    else:
        lines = [goal.line(values[goal]) for goal in section.goals]
    print("\n".join(lines), flush=True)
