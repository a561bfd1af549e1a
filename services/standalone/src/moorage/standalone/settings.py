"""What a standalone registry is told at its start."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StandaloneSettings:
    """Read from the command line, checked before anything starts.

    `port` 0 takes any free one. `database` is the URL of a PostgreSQL server of one's own, and holds a secret; None
    starts an embedded one. `credentials` is the demo's file; None means the one in the data folder. With several
    `workers` each serves requests in a process of its own.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 5000
    database: str | None = field(default=None, repr=False)
    demo: bool = False
    allow_remote_demo: bool = False
    credentials: Path | None = None
    public_url: str | None = None
    drain_seconds: float = 25.0
    workers: int = 1
    use_uvloop: bool = True
