"""The figures that targets are compared by."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bench.sample import Sample


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of a sample, its unit, and whether less of it is better."""

    unit: str
    of: Callable[[Sample], float]
    less_is_better: bool = False

    def advantage(self, ours: float, reference: float) -> float:
        """How many times better ours is; 0 where one of them is nothing."""
        better, worse = (reference, ours) if self.less_is_better else (ours, reference)
        return better / worse if worse else 0.0


CPU: Final = Measure("ms CPU", lambda sample: sample.cpu_ms, less_is_better=True)
RATE: Final = Measure("/s", lambda sample: sample.per_second)
MB_PER_CPU_SECOND: Final = Measure("MB/CPU-s", lambda sample: sample.mb_per_cpu_second)
MB_PER_SECOND: Final = Measure("MB/s", lambda sample: sample.mb_per_second)
P99: Final = Measure("ms", lambda sample: sample.p99_ms, less_is_better=True)
PEAK: Final = Measure("MiB", lambda sample: sample.peak_mib, less_is_better=True)
