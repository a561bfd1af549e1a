"""What the parent tells a worker at its start, and what a worker tells its parent: lines of JSON through pipes.

Orders hold secrets, so they are never an argument or a variable of the environment (R148).
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Orders:
    """Everything a worker is told. `public` and `lock` are descriptors that it inherits; `parent` is a process.

    `keeps` makes it the one that does the periodic work of storage for all.
    """

    number: int
    parent: int
    public: int
    lock: int
    database: str = field(repr=False)
    service_token: str = field(repr=False)
    connections: int
    blobs: str
    secrets: str
    public_url: str
    permissions_url: str
    keeps: bool
    drain_seconds: float
    log_level: str
    uvloop: bool


@dataclass(frozen=True, slots=True)
class Serving:
    """The worker accepts connections; its health and numbers are at `internal`."""

    internal: str


@dataclass(frozen=True, slots=True)
class Enlisted:
    """From now on the fleet may know the worker under this id, and wait for it."""

    gateway: UUID


@dataclass(frozen=True, slots=True)
class Failed:
    """The worker ends, for this reason."""

    reason: str


Said = Serving | Enlisted | Failed


class Unintelligible(ValueError):
    """A line that is none of these messages."""


def written_orders(orders: Orders) -> bytes:
    """One line."""
    return _line(asdict(orders))


def read_orders(line: bytes) -> Orders:
    """Raises Unintelligible; what is told is not repeated."""
    told = _object(line)
    if set(told) != {each.name for each in fields(Orders)}:
        raise Unintelligible("these are no orders")
    return Orders(**told)


def written(said: Said) -> bytes:
    """One line."""
    return _line({"kind": type(said).__name__.lower(), **asdict(said)})


def read(line: bytes) -> Said:
    """Raises Unintelligible."""
    with suppress(ValueError):
        match _object(line):
            case {"kind": "serving", "internal": str(internal)}:
                return Serving(internal)
            case {"kind": "enlisted", "gateway": str(gateway)}:
                return Enlisted(UUID(gateway))
            case {"kind": "failed", "reason": str(reason)}:
                return Failed(reason)
    raise Unintelligible("a worker said something else")


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content, default=str).encode() + b"\n"


def _object(line: bytes) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise Unintelligible("this is no message")
    return content
