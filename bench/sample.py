"""One round of one workload at one target, in figures. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from bench.processes import Usage


@dataclass(frozen=True, slots=True)
class Sample:
    """`cpu_seconds` has the database's in it, `bytes_each` is 0 where it would say nothing."""

    operations: int
    seconds: float
    cpu_seconds: float
    database_cpu_seconds: float
    client_cpu_seconds: float
    p50_ms: float
    p99_ms: float
    peak_mib: float
    bytes_each: int = 0

    @classmethod
    def of(
        cls, laps: Sequence[int], seconds: float, server: Usage, database: Usage, client: float, peak: int, size: int
    ) -> Self:
        """From the latencies (nanoseconds) of its operations, of which there is at least one."""
        ordered = sorted(laps)
        return cls(
            operations=len(ordered),
            seconds=seconds,
            cpu_seconds=server.cpu + database.cpu,
            database_cpu_seconds=database.cpu,
            client_cpu_seconds=client,
            p50_ms=ordered[len(ordered) // 2] / 1e6,
            p99_ms=ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] / 1e6,
            peak_mib=peak / (1 << 20),
            bytes_each=size,
        )

    @property
    def cpu_ms(self) -> float:
        """CPU of all server processes per operation, in milliseconds."""
        return self.cpu_seconds / self.operations * 1000

    @property
    def per_second(self) -> float:
        """Operations per second."""
        return self.operations / self.seconds

    @property
    def mb_per_second(self) -> float:
        """Megabytes (10^6) per second."""
        return self.operations * self.bytes_each / self.seconds / 1e6

    @property
    def mb_per_cpu_second(self) -> float:
        """Megabytes (10^6) per second of server CPU; 0 where the clock of /proc saw none."""
        return self.operations * self.bytes_each / self.cpu_seconds / 1e6 if self.cpu_seconds else 0.0
