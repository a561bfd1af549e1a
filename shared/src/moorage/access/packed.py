"""A snapshot as packed columns: what permissions serves and replicas load (authorization.md §2.6).

    magic "moorpack" | length of the header, 4 bytes | header, JSON | sections, in its order | BLAKE2b of all, 16 bytes

Integers are little-endian, 4 bytes each. Edges are a table sorted for use as it is: `edge.key` (ascending), `edge.end`
(where each key's row ends) and `edge.target` (ascending within a row), an entry being `target << 2 | value`. All
entities share one sequence of aliases, so users' groups, roles and membership stand under the user, and groups' roles
and ownership under the node (the workspace included). Every other kind of row is a table of columns `a`, `b`, `value`
and `extra`: blocks of a JSON array each, so that nobody has to parse more than a block at once.

Evolution: readers ignore sections and header fields that they don't know. A file that is cut or damaged is
PackedUnreadable, never another state. See docs/decisions/0006.
"""

import sys
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from itertools import islice
from operator import ge
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from moorage.access.frames import EntityKind, Row, RowKind

MAGIC: Final = b"moorpack"
FORMAT: Final = 1
MAX_ALIAS: Final = (1 << 30) - 1
"""An entry is an alias and two bits, in four bytes."""
IN_GROUP: Final = 3
"""The value of a group under its member: so an entry of a user is one of those that a node gives something to."""
MAX_HEADER_BYTES: Final = 1 << 20
DIGEST_BYTES: Final = 16
BLOCK_ROWS: Final = 1000
KINDS: Final = tuple(EntityKind)
GLOBAL_KINDS: Final = frozenset({RowKind.PRINCIPAL, RowKind.CREDENTIAL, RowKind.WORKSPACE})
TABLE_KINDS: Final = (
    RowKind.WORKSPACE,
    RowKind.NODE,
    RowKind.PRINCIPAL,
    RowKind.CREDENTIAL,
    RowKind.IMAGE,
    RowKind.PIN,
)
_SLICE: Final = 10_000
_PIECE: Final = 1 << 20


class PackedUnreadable(ValueError):
    """The bytes are no snapshot of this format, or not a whole one."""


class Header(BaseModel):
    """What the columns are. `workspace` is an alias, 0 for the global part; `sections` are names and lengths."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int
    epoch: int = Field(ge=0)
    seq: int = Field(ge=0)
    as_of: dict[str, int] = Field(default_factory=dict)
    workspace: int = Field(default=0, ge=0, le=MAX_ALIAS)
    kinds: list[str] = Field(max_length=64)
    """The kinds of entities, by the number that stands for each in `alias.kind`."""
    sections: list[tuple[str, int]] = Field(max_length=256)


class EdgeColumns(NamedTuple):
    """Edges sorted for use; see the module."""

    keys: "array[int]"
    ends: "array[int]"
    targets: "array[int]"

    @classmethod
    def empty(cls) -> "EdgeColumns":
        """No edge."""
        return cls(array("I"), array("I"), array("I"))


@dataclass(frozen=True, slots=True)
class Aliases:
    """Aliases, what kind of entity each stands for (`kind << 1 | 1` if it belongs to the workspace) and its UUID."""

    ids: "array[int]"
    kinds: bytes
    uuids: bytes
    names: tuple[str, ...] = KINDS

    def __iter__(self) -> Iterator[tuple[int, str, bool, int]]:
        """Alias, kind, whether it belongs to the workspace, and the UUID as an integer."""
        for place, (alias, kind) in enumerate(zip(self.ids, self.kinds, strict=True)):
            uuid = int.from_bytes(self.uuids[place * 16 : place * 16 + 16], "big")
            yield alias, self.names[kind >> 1], bool(kind & 1), uuid


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one kind, by column; `blocks` are JSON arrays of what each row says besides, BLOCK_ROWS at most."""

    a: "array[int]"
    b: "array[int]"
    value: bytes
    blocks: tuple[bytes, ...]

    @classmethod
    def empty(cls) -> "Table":
        """No row."""
        return cls(array("I"), array("I"), b"", ())

    def __len__(self) -> int:
        return len(self.a)

    def __iter__(self) -> Iterator[tuple[int, int, int, dict[str, Any] | None]]:
        """a, b, value and extra of each row. Raises PackedUnreadable."""
        return zip(self.a, self.b, self.value, self._extras(), strict=True)

    def _extras(self) -> Iterator[dict[str, Any] | None]:
        for block in self.blocks:
            yield from _json_array(block)


@dataclass(frozen=True)
class Packed:
    """A decoded snapshot: the rows of one workspace, or of the global part."""

    header: Header
    aliases: Aliases
    edges: EdgeColumns
    tables: Mapping[RowKind, Table] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """The epoch of its position."""
        return self.header.epoch

    @property
    def seq(self) -> int:
        """Its position."""
        return self.header.seq

    @property
    def as_of(self) -> Mapping[str, int]:
        """What the lanes said at its position, in milliseconds since 1970."""
        return self.header.as_of

    def table(self, kind: RowKind) -> Table:
        """The rows of a kind, without edges and aliases."""
        return self.tables.get(kind) or Table.empty()

    @cached_property
    def rows(self) -> list[Row]:
        """The same as rows of the stream, which applied to a replica of the global part lead here, without versions.

        Raises PackedUnreadable.
        """
        return [*self._interned(), *self._told(), *self._edges()]

    def _interned(self) -> Iterator[Row]:
        for alias, kind, inside, uuid in self.aliases:
            extra = {"kind": kind, "uuid": str(UUID(int=uuid))}
            yield (int(RowKind.INTERN), self.header.workspace if inside else 0, alias, 0, 0, 0, extra)

    def _told(self) -> Iterator[Row]:
        for kind in TABLE_KINDS:
            ws = 0 if kind in GLOBAL_KINDS else self.header.workspace
            for a, b, value, extra in self.table(kind):
                plain = (int(kind), ws, a, b, value, 0)
                yield plain if extra is None else (*plain, extra)

    def _edges(self) -> Iterator[Row]:
        kinds = {alias: kind for alias, kind, _, _ in self.aliases}
        ws, start = self.header.workspace, 0
        for key, end in zip(self.edges.keys, self.edges.ends, strict=True):
            for entry in self.edges.targets[start:end]:
                yield _edge_row(kinds, ws, key, entry >> 2, entry & 3)
            start = end


def unpack(data: bytes | bytearray) -> Packed:
    """Decodes and validates a snapshot; slow for large ones, but never long in one C call. Raises PackedUnreadable."""
    sections, header = _sections(data)
    aliases = _aliases(sections, tuple(header.kinds))
    tables = {kind: _table(sections, kind.name.lower()) for kind in TABLE_KINDS}
    return Packed(header, aliases, _edge_columns(sections), tables)


def _edge_row(kinds: Mapping[int, str], ws: int, key: int, target: int, value: int) -> Row:
    if key == ws:
        return (int(RowKind.WORKSPACE_ROLE), ws, target, 1, value, 0)
    if target == ws:
        return (int(RowKind.WORKSPACE_ROLE), ws, key, 0, value, 0)
    # Only users are named from outside.
    kind = _EDGE_KINDS.get((kinds.get(key, EntityKind.USER), kinds.get(target, EntityKind.USER)))
    if kind is None:
        raise PackedUnreadable("an edge between entities that have none")
    if kind is RowKind.USER_GROUP:
        return (int(kind), ws, key, target, 1, 0)
    a, b = (key, target) if kinds.get(key, EntityKind.USER) == EntityKind.USER else (target, key)
    return (int(kind), ws, a, b, value, 0)


_EDGE_KINDS: Final = {
    ("user", "group"): RowKind.USER_GROUP,
    ("user", "repository"): RowKind.USER_REPOSITORY,
    ("user", "project"): RowKind.USER_PROJECT,
    ("repository", "group"): RowKind.GROUP_REPOSITORY,
    ("project", "group"): RowKind.GROUP_PROJECT,
}


def _sections(data: bytes | bytearray) -> tuple[dict[str, memoryview], Header]:
    start = len(MAGIC) + 4
    if len(data) < start + DIGEST_BYTES or data[: len(MAGIC)] != MAGIC:
        raise PackedUnreadable("this is no packed snapshot")
    whole = memoryview(data)
    if blake2b(whole[:-DIGEST_BYTES], digest_size=DIGEST_BYTES).digest() != whole[-DIGEST_BYTES:]:
        raise PackedUnreadable("the snapshot is cut or damaged")
    length = int.from_bytes(data[len(MAGIC) : start], "little")
    header = _header(data[start : start + length], length)
    sections: dict[str, memoryview] = {}
    start += length
    for name, size in header.sections:
        if size < 0 or start + size > len(data) - DIGEST_BYTES or name in sections:
            raise PackedUnreadable("the sections don't fit")
        sections[name] = whole[start : start + size]
        start += size
    if start != len(data) - DIGEST_BYTES:
        raise PackedUnreadable("the sections don't fit")
    return sections, header


def _header(text: bytes | bytearray, length: int) -> Header:
    if length > MAX_HEADER_BYTES:
        raise PackedUnreadable("the header is too long")
    try:
        header = Header.model_validate_json(text)
    except ValidationError as error:
        raise PackedUnreadable("the header can't be read") from error
    if header.format != FORMAT:
        raise PackedUnreadable(f"format {header.format} is not known here")
    return header


def _aliases(sections: Mapping[str, memoryview], names: tuple[str, ...]) -> Aliases:
    ids, kinds = _integers(sections, "alias.id"), bytes(sections.get("alias.kind", b""))
    uuids = bytes(sections.get("alias.uuid", b""))
    _require(len(kinds) == len(ids) and len(uuids) == 16 * len(ids), "the columns of aliases differ in length")
    _require(not kinds or max(kinds) >> 1 < len(names), "an alias of no kind")
    _require(not ids or (min(ids) > 0 and max(ids) <= MAX_ALIAS), "an alias out of range")
    return Aliases(ids, kinds, uuids, names)


def _table(sections: Mapping[str, memoryview], name: str) -> Table:
    a, b = _integers(sections, f"{name}.a"), _integers(sections, f"{name}.b")
    value = bytes(sections.get(f"{name}.value", b""))
    _require(len(a) == len(b) == len(value), f"the columns of {name} differ in length")
    blocks = tuple(_blocks(sections.get(f"{name}.extra", memoryview(b""))))
    _require(len(blocks) == -(-len(a) // BLOCK_ROWS), f"the blocks of {name} don't fit")
    return Table(a, b, value, blocks)


def _blocks(section: memoryview) -> Iterator[bytes]:
    start = 0
    while start < len(section):
        end = start + 4 + int.from_bytes(section[start : start + 4], "little")
        _require(end <= len(section), "a block is cut")
        yield bytes(section[start + 4 : end])
        start = end


def _json_array(block: bytes) -> list[dict[str, Any] | None]:
    try:
        found = from_json(block)
    except ValueError as error:
        raise PackedUnreadable("a block is no JSON") from error
    _require(isinstance(found, list) and len(found) <= BLOCK_ROWS, "a block is no list")
    rows: list[dict[str, Any] | None] = found
    return rows


def _edge_columns(sections: Mapping[str, memoryview]) -> EdgeColumns:
    names = ("edge.key", "edge.end", "edge.target")
    keys, ends, targets = (_integers(sections, name) for name in names)
    _require(len(keys) == len(ends), "the columns of edges differ in length")
    _require((ends[-1] if ends else 0) == len(targets), "the rows of edges don't fit")
    _require(not ends or ends[0] > 0, "a row of edges is empty")
    _require(_descents(keys) == 0 and _descents(ends) == 0, "the keys of edges are not in order")
    _require(not keys or 0 < keys[0] <= keys[-1] <= MAX_ALIAS, "an alias out of range")
    _require(_descents(targets) == _descents_at(ends, targets), "a row of edges is not in order")
    return EdgeColumns(keys, ends, targets)


def _descents(values: "array[int]") -> int:
    """How often a value is not above the one before it."""
    found = 0
    for start in range(0, len(values) - 1, _SLICE):
        part = values[start : start + _SLICE + 1]
        found += sum(map(ge, part, islice(part, 1, None)))
    return found


def _descents_at(ends: "array[int]", targets: "array[int]") -> int:
    """How many of these are where one row ends and the next begins."""
    return sum(targets[end - 1] >= targets[end] for end in islice(ends, max(len(ends) - 1, 0)))


def _integers(sections: Mapping[str, memoryview], name: str) -> "array[int]":
    section = sections.get(name, memoryview(b""))
    _require(len(section) % 4 == 0, f"{name} is cut")
    values = array("I")
    for start in range(0, len(section), _PIECE):
        values.frombytes(section[start : start + _PIECE])
    if sys.byteorder != "little":
        values.byteswap()
    return values


def _require(true: bool, otherwise: str) -> None:
    if not true:
        raise PackedUnreadable(otherwise)
