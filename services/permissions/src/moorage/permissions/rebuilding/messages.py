"""What the rebuild and its workers say to each other: length and MessagePack, over the pipes of the process."""

from asyncio import IncompleteReadError, StreamReader
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder

from moorage.permissions.slots import Table

_LENGTH_BYTES: Final = 4
_encode: Final = Encoder().encode
Message = TypeVar("Message")


class Job(Struct, frozen=True, array_like=True):
    """What a worker needs to know once; it comes by the pipe, because it holds a password."""

    dsn: str
    role: str | None
    bootstrap: str
    topic: str
    run: UUID
    source: int
    at: datetime
    seq: int
    apart: list[tuple[str, str]]
    """Workspaces (with an empty key) and keys in them whose order counts: nothing of these is staged."""


class Piece(Struct, frozen=True, array_like=True):
    """Offsets of a partition, up to but without `stop`."""

    part: int
    start: int
    stop: int


class Odd(Struct, frozen=True, array_like=True):
    """A record that is left to the ordinary way: offset, time in milliseconds, bytes."""

    pos: int
    milliseconds: int | None
    body: bytes


class Sum(Struct, frozen=True, array_like=True):
    """What was staged of a workspace and a kind of edges: how many are there, their checksum, the highest version."""

    ws: int
    table: Table
    facts: int
    checksum: int
    high: int


class Done(Struct, frozen=True, array_like=True, tag=True):
    """A piece was read, and its edges are staged."""

    piece: Piece
    edges: int
    odd: list[Odd]
    sums: list[Sum]
    newest: dict[int, tuple[int, str]]
    """By the alias of a workspace, version and event of the newest edge."""


class Failed(Struct, frozen=True, array_like=True, tag=True):
    """The worker ends: `kind` is "unavailable" (try again), "unsuited" (another way has to be taken) or "fault"."""

    kind: str
    words: str


Said = Done | Failed
read_job: Final = Decoder(Job).decode
read_piece: Final = Decoder(Piece).decode
read_said: Final = Decoder(Said).decode


def written(message: Struct) -> bytes:
    """As it goes through a pipe."""
    said = _encode(message)
    return len(said).to_bytes(_LENGTH_BYTES) + said


async def received(pipe: StreamReader) -> bytes | None:
    """The next message; None when the other side has gone."""
    try:
        return await pipe.readexactly(int.from_bytes(await pipe.readexactly(_LENGTH_BYTES)))
    except (IncompleteReadError, ConnectionError):
        return None
