"""A whole run as JSON: what `--json` writes, and what reports are made from."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from bench.machine import Machine
from bench.rounds import Results
from bench.sample import Sample
from bench.sizes import Sizes


@dataclass(frozen=True, slots=True)
class Record:
    """A run: when (RFC 3339), on what, of which versions (by target), how it was asked for, and every sample."""

    began: str
    minutes: float
    arguments: str
    rounds: int
    machine: Machine
    versions: dict[str, str]
    sizes: Sizes
    results: Results

    def to_json(self) -> str:
        """With the figures that reports derive beside the ones that were read."""
        document = asdict(self)
        for name, targets in self.results.samples.items():
            for label, samples in targets.items():
                rows = document["results"]["samples"][name][label]
                for row, sample in zip(rows, samples, strict=True):
                    row["derived"] = _derived(sample)
        return json.dumps(document, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """The reverse; what is derived is derived again."""
        document = json.loads(text)
        samples = {
            name: {label: [_sample(row) for row in rows] for label, rows in targets.items()}
            for name, targets in document["results"]["samples"].items()
        }
        return cls(
            **document
            | {
                "machine": Machine(**document["machine"]),
                "sizes": Sizes(**document["sizes"]),
                "results": Results(samples, document["results"]["failures"]),
            }
        )


def _derived(sample: Sample) -> dict[str, float]:
    figures = {"cpu_ms": sample.cpu_ms, "per_second": sample.per_second}
    if sample.bytes_each:
        figures |= {"mb_per_second": sample.mb_per_second, "mb_per_cpu_second": sample.mb_per_cpu_second}
    return {name: round(value, 4) for name, value in figures.items()}


def _sample(row: dict[str, Any]) -> Sample:
    return Sample(**{name: value for name, value in row.items() if name != "derived"})
