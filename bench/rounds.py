"""Runs workloads in rounds, all targets in turns (A B A B), so that what else the machine does meets them alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.engine.message import LoadFailed
from bench.load import Load
from bench.peer.program import PeerMissing
from bench.sample import Sample
from bench.site import Site
from bench.workloads.catalogue import Workload

Rounds = dict[str, list[Sample]]
"""The samples of one workload by target."""


@dataclass
class Results:
    """Samples by workload and target, and why a workload has none."""

    samples: dict[str, Rounds] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def measure_all(
    site: Site, workloads: Sequence[Workload], rounds: int, without: Sequence[str], say: Callable[[str], None]
) -> Results:
    """Every workload; one that fails is noted, and the others are measured all the same. Raises PeerMissing.

    Ctrl-C ends it early: what has been measured till then is kept.
    """
    results = Results()
    for workload in workloads:
        try:
            results.samples[workload.name] = _measure(site, workload, rounds, without, say)
        except PeerMissing:
            raise
        except KeyboardInterrupt:
            results.failures[workload.name] = "interrupted"
            break
        except (LoadFailed, OSError, RuntimeError) as failure:
            results.failures[workload.name] = str(failure)[:500]
            say(f"{workload.name} FAILED: {failure}")
    return results


def _measure(site: Site, workload: Workload, rounds: int, without: Sequence[str], say: Callable[[str], None]) -> Rounds:
    labels = [label for label in workload.runs if label not in without]
    samples: Rounds = {label: [] for label in labels}
    with site.loads(labels) as loads:
        for load in loads:
            load.renew()
        if workload.agree:
            workload.agree(loads)
        for number in range(1, rounds + 1):
            for label, load in zip(labels, loads, strict=True):
                samples[label].append(_round(workload, label, load))
                say(f"{workload.name:22} {number}/{rounds}  {label:20} {told(samples[label][-1])}")
    return samples


def _round(workload: Workload, label: str, load: Load) -> Sample:
    """With fresh tokens: they live for minutes."""
    load.renew()
    return workload.runs[label](load)


def told(sample: Sample) -> str:
    """A sample as a line for people."""
    line = f"{sample.cpu_ms:9.3f} ms CPU {sample.per_second:9.1f}/s  p50 {sample.p50_ms:.2f} p99 {sample.p99_ms:.2f} ms"
    line += f"  peak {sample.peak_mib:.0f} MiB"
    if sample.bytes_each:
        line += f"  {sample.mb_per_second:.0f} MB/s  {sample.mb_per_cpu_second:.0f} MB/CPU-s"
    return line
