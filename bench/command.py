"""`python -m bench`: measures product and peer in turns and writes docs/performance.md."""

import argparse
import datetime
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.floor.server import APPLICATION, RECEIVER
from bench.machine import look
from bench.peer import program
from bench.peer.registry import LABEL as PEER
from bench.record import Record
from bench.report import page
from bench.report.chart import chart
from bench.rounds import measure_all
from bench.site import Site
from bench.sizes import QUICK, WHOLE, Sizes
from bench.workloads.catalogue import TWO_WORKERS, WORKLOADS, Workload

_PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
ALONE: Final = (PEER, APPLICATION, RECEIVER, TWO_WORKERS)
"""Who stays away when the product is measured alone."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a command line asks for; `without` are targets that stay away."""

    workloads: Sequence[Workload]
    rounds: int
    sizes: Sizes
    without: Sequence[str]
    peer_program: Path | None
    folder: Path | None
    arguments: str


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit code 1 if there is no peer or a workload could not be measured; goals that are missed are no failure."""
    options = _parser().parse_args(arguments)
    if options.record:
        record = Record.from_json(options.record.read_text(encoding="utf-8"))
    else:
        record = _measured(_order(options))
    if options.json:
        options.json.write_text(record.to_json(), encoding="utf-8")
    if file := options.report or (_PAGE if _is_whole(record) else None):
        _write(record, file)
    else:
        print(page.figures(record))
    sys.exit(1 if record.results.failures else 0)


def _measured(order: Order) -> Record:
    try:
        if PEER not in order.without:
            program.find(order.peer_program)
        return measure(order)
    except program.PeerMissing as missing:
        sys.exit(f"{missing}; or leave it out with --product-only")


def _is_whole(record: Record) -> bool:
    """Whether the page of the documentation may be made of it."""
    names = {workload.name for workload in WORKLOADS if workload.plain}
    return record.sizes == WHOLE and PEER in record.versions and names <= record.results.samples.keys()


def measure(order: Order) -> Record:
    """Starts what is needed, measures, and ends it again. Raises PeerMissing."""
    began, clock = datetime.datetime.now(datetime.UTC), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="moorage-bench-", dir=order.folder) as name:
        folder = Path(name)
        folder.chmod(0o711)  # started by root, PostgreSQL runs as somebody else, who has to get through
        machine = look(folder)
        with Site(folder, order.sizes, order.peer_program) as site:
            results = measure_all(site, order.workloads, order.rounds, order.without, _say)
    return Record(
        began=began.isoformat(timespec="seconds"),
        minutes=round((time.monotonic() - clock) / 60, 1),
        arguments=order.arguments,
        rounds=order.rounds,
        machine=machine,
        versions=site.versions,
        sizes=order.sizes,
        results=results,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=_count, default=3, help="of each workload, targets in turns (3)")
    parser.add_argument("--only", type=_chosen, default="", metavar="NAMES", help=_named())
    parser.add_argument("--quick", action="store_true", help="short and small: to see that everything works")
    parser.add_argument("--product-only", action="store_true", help="no peer, no floors, one worker")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the record of the run goes")
    parser.add_argument("--record", type=Path, metavar="FILE", help="make the page of this one; measure nothing")
    parser.add_argument("--report", type=Path, metavar="FILE", help="where the page goes, its chart beside it")
    parser.add_argument("--peer-program", type=Path, metavar="FILE", help="a build of Distribution, 2.8 or 3")
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="where all targets keep their data (temporary files)"
    )
    return parser


def _order(options: argparse.Namespace) -> Order:
    return Order(
        workloads=options.only,
        rounds=options.rounds,
        sizes=QUICK if options.quick else WHOLE,
        without=ALONE if options.product_only else (),
        peer_program=options.peer_program,
        folder=options.data,
        arguments=_repeatable(options),
    )


def _repeatable(options: argparse.Namespace) -> str:
    """What has to be said to measure the same; files of this machine are left out."""
    chosen = [
        f"--rounds {options.rounds}",
        "" if options.only == _chosen("") else f"--only {','.join(w.name for w in options.only)}",
    ]
    flags = [f"--{name.replace('_', '-')}" for name in ("quick", "product_only") if getattr(options, name)]
    return " ".join(filter(None, chosen + flags))


def _chosen(names: str) -> Sequence[Workload]:
    """Those that are named, in the catalogue's order; the plain ones where none is. Raises ArgumentTypeError."""
    wanted = set(filter(None, names.split(",")))
    if unknown := wanted - {workload.name for workload in WORKLOADS}:
        raise argparse.ArgumentTypeError(f"there is no workload {', '.join(sorted(unknown))}")
    return [workload for workload in WORKLOADS if (workload.name in wanted if wanted else workload.plain)]


def _named() -> str:
    return f"some of these: {', '.join(workload.name for workload in WORKLOADS)}"


def _count(text: str) -> int:
    """At least one. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rounds")
    return int(text)


def _write(record: Record, file: Path) -> None:
    picture = file.with_suffix(".svg")
    picture.write_text(chart(page.against_peer(record), page.title(record)), encoding="utf-8")
    file.write_text(page.page(record, picture.name), encoding="utf-8")
    _say(f"wrote {file}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
