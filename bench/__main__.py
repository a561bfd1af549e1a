"""`python -m bench`: product and peer in turns, CPU per operation and operations per second, as ratios."""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.peer import Target, peer
from bench.processes import cpu_seconds
from bench.product import product
from bench.workloads import WORKLOADS, Connection, Workload, push_image


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one workload: server CPU per operation in milliseconds, operations per second."""

    cpu_ms: float
    per_second: float


def measure(target: Target, workload: Workload, seconds: float, connections: int) -> Round:
    """Repeats the operation on every connection until the time is over; the first failure ends the benchmark."""
    done, failures = [0] * connections, list[BaseException]()
    began, spent = time.monotonic(), sum(map(cpu_seconds, target.pids))

    def work(index: int) -> None:
        connection = Connection(target)
        try:
            while time.monotonic() - began < seconds and not failures:
                workload.run(connection)
                done[index] += 1
        except (OSError, RuntimeError) as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    elapsed, cpu = time.monotonic() - began, sum(map(cpu_seconds, target.pids)) - spent
    return Round(1000 * cpu / sum(done), sum(done) / elapsed)


def _row(workload: Workload, ours: list[Round], theirs: list[Round]) -> dict[str, object]:
    ratios = [their.cpu_ms / our.cpu_ms for our, their in zip(ours, theirs, strict=True)]
    rates = [our.per_second / their.per_second for our, their in zip(ours, theirs, strict=True)]
    return {
        "workload": workload.name,
        "cpu_ms": round(statistics.median(r.cpu_ms for r in ours), 3),
        "peer_cpu_ms": round(statistics.median(r.cpu_ms for r in theirs), 3),
        "less_cpu": round(statistics.median(ratios), 2),
        "less_cpu_min": round(min(ratios), 2),
        "less_cpu_max": round(max(ratios), 2),
        "per_second": round(statistics.median(r.per_second for r in ours), 1),
        "peer_per_second": round(statistics.median(r.per_second for r in theirs), 1),
        "times_as_many": round(statistics.median(rates), 2),
    }


def main() -> None:
    """Runs all workloads and prints a line of JSON for each."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each, product and peer in turns (3)")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a round (4)")
    parser.add_argument("--connections", type=int, default=8, help="connections at once (8)")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="moorage-bench-")))
        (folder / "peer").mkdir()
        ours = stack.enter_context(product(folder / "product"))
        theirs = stack.enter_context(peer(folder / "peer", "acme/hello/bench"))
        for target in (ours, theirs):
            push_image(Connection(target), "seed")
        for workload in WORKLOADS:
            rounds: dict[str, list[Round]] = {ours.label: [], theirs.label: []}
            for number in range(options.rounds):
                for target in (ours, theirs):
                    print(f"{workload.name}, round {number + 1}, {target.label}", file=sys.stderr)
                    rounds[target.label].append(measure(target, workload, options.seconds, options.connections))
            print(json.dumps(_row(workload, rounds[ours.label], rounds[theirs.label])), flush=True)


main()
