"""Closed loops: so many connections, each sending its next request when the last one is answered."""

import random
import time
from collections.abc import Callable, Sequence

from bench.client import Client
from bench.engine.message import Pause, Request, Script
from bench.load import Load
from bench.sample import Sample

Choices = Callable[[Client], Sequence[Request]]
"""The requests that a principal picks from at random."""


def closed(load: Load, choices: Choices, size: int = 0, seconds: float | None = None) -> Sample:
    """Warms up, then measures for as long as the run's sizes say."""
    pools = [choices(client) for client in load.clients]
    load.run(_loops(load, pools, load.sizes.warm_up_seconds))
    return load.measure(_loops(load, pools, seconds or load.sizes.seconds), size=size)


def paced(load: Load, choices: Choices) -> Sample:
    """The same at the rate that all targets keep to: latency at equal load.

    A request that is late because its connection was still busy counts from when it was due, so that no queue hides.
    """
    pools, laps = [choices(client) for client in load.clients], list[int]()
    lanes = load.sizes.connections
    every = lanes / load.rate
    scripts = [_paced(pools[lane % len(pools)], every, lane / lanes, load.sizes.seconds, laps) for lane in range(lanes)]
    return load.measure(scripts, laps)


def _loops(load: Load, pools: Sequence[Sequence[Request]], seconds: float) -> list[Script]:
    return [_loop(pools[lane % len(pools)], seconds) for lane in range(load.sizes.connections)]


def _loop(pool: Sequence[Request], seconds: float) -> Script:
    chance, count, end = random.random, len(pool), time.perf_counter() + seconds
    while time.perf_counter() < end:
        yield pool[int(chance() * count)]


def _paced(pool: Sequence[Request], every: float, phase: float, seconds: float, laps: list[int]) -> Script:
    """One request `every` so many seconds, the first after a share `phase` of that."""
    began = time.perf_counter()
    due = began + every * phase
    while due < began + seconds:
        since = due
        if time.perf_counter() < due:
            yield Pause(due)
            since = time.perf_counter()
        yield random.choice(pool)
        laps.append(int((time.perf_counter() - since) * 1e9))
        due += every
