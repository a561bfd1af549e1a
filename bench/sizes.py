"""How much of everything: what a run measures, and what a quick one does."""

from dataclasses import dataclass, replace
from typing import Final

KIB: Final = 1 << 10
MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of one run; connections are those of cheap requests."""

    seconds: float = 2.0
    warm_up_seconds: float = 0.3
    connections: int = 16
    spread: int = 100
    tags: int = 10_000
    mounts: int = 400
    large_mib: int = 256
    large_repeats: int = 4
    layer_mib: int = 512


WHOLE: Final = Sizes()
QUICK: Final = replace(WHOLE, seconds=0.5, warm_up_seconds=0.1, tags=500, mounts=50, large_mib=32, layer_mib=64)
"""To see that everything works: rates and times of seconds, large bodies that are not large."""
