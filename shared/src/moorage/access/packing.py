"""Writes packed snapshots (moorage.access.packed), from rows or straight from sorted columns."""

import json
import sys
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from moorage.access.frames import Row, RowKind, Snapshot
from moorage.access.packed import BLOCK_ROWS, DIGEST_BYTES, FORMAT, IN_GROUP, KINDS, MAGIC, MAX_ALIAS, Header

_KIND_CODES: Final = {kind.value: code for code, kind in enumerate(KINDS)}
_UNDER_THE_USER: Final = (RowKind.USER_GROUP, RowKind.USER_REPOSITORY, RowKind.USER_PROJECT)
_UNDER_THE_NODE: Final = (RowKind.GROUP_REPOSITORY, RowKind.GROUP_PROJECT)
_GONE_AT_ZERO: Final = (RowKind.IMAGE, RowKind.PIN)


def pack(snapshot: Snapshot, workspace: int = 0) -> bytes:
    """The rows as a packed snapshot; of several about one thing, the last one is the truth. Raises ValueError."""
    packer = Packer(workspace)
    state = _State()
    for row in snapshot.rows:
        state.take(row, packer)
    state.write(packer)
    return packer.finish(snapshot.epoch, snapshot.seq, snapshot.as_of)


class Packer:
    """Takes columns in, in any sizes, and answers the file."""

    def __init__(self, workspace: int = 0) -> None:
        self._workspace = workspace
        self._ids, self._kinds, self._uuids = array("I"), bytearray(), bytearray()
        self._keys, self._ends, self._targets = array("I"), array("I"), array("I")
        self._tables: dict[RowKind, _Columns] = {}

    def alias(self, alias: int, kind: str, uuid: UUID, *, inside: bool) -> None:
        """An alias; `inside` if it stands for something that belongs to the workspace."""
        self._ids.append(alias)
        self._kinds.append(_KIND_CODES[kind] << 1 | inside)
        self._uuids += uuid.bytes

    def edges(self, keys: "array[int]", targets: "array[int]") -> None:
        """The next edges, by key and target: entries `target << 2 | value` under their keys."""
        end = self._ends[-1] if self._ends else 0
        for key, count in Counter(keys).items():
            end += count
            if self._keys and self._keys[-1] == key:
                self._ends[-1] = end
            else:
                self._keys.append(key)
                self._ends.append(end)
        self._targets += targets

    def row(self, kind: RowKind, a: int, b: int, value: int, extra: Mapping[str, Any] | None = None) -> None:
        """A row that is neither an alias nor an edge."""
        columns = self._tables.setdefault(kind, _Columns())
        columns.a.append(a)
        columns.b.append(b)
        columns.value.append(value)
        columns.extras.append(extra)
        if len(columns.extras) == BLOCK_ROWS:
            columns.flush()

    def finish(self, epoch: int, seq: int, as_of: Mapping[str, int]) -> bytes:
        """The file."""
        sections = dict(self._sections())
        header = Header(
            format=FORMAT,
            epoch=epoch,
            seq=seq,
            as_of=dict(as_of),
            workspace=self._workspace,
            kinds=[kind.value for kind in KINDS],
            sections=[(name, len(section)) for name, section in sections.items()],
        )
        text = header.model_dump_json().encode()
        file = b"".join([MAGIC, len(text).to_bytes(4, "little"), text, *sections.values()])
        return file + blake2b(file, digest_size=DIGEST_BYTES).digest()

    def _sections(self) -> Iterable[tuple[str, bytes]]:
        yield "alias.id", _little(self._ids)
        yield "alias.kind", bytes(self._kinds)
        yield "alias.uuid", bytes(self._uuids)
        yield "edge.key", _little(self._keys)
        yield "edge.end", _little(self._ends)
        yield "edge.target", _little(self._targets)
        for kind, columns in self._tables.items():
            columns.flush()
            name = kind.name.lower()
            yield f"{name}.a", _little(columns.a)
            yield f"{name}.b", _little(columns.b)
            yield f"{name}.value", bytes(columns.value)
            yield f"{name}.extra", bytes(columns.blocks)


@dataclass(slots=True)
class _Columns:
    """A table that grows."""

    a: "array[int]" = field(default_factory=lambda: array("I"))
    b: "array[int]" = field(default_factory=lambda: array("I"))
    value: bytearray = field(default_factory=bytearray)
    blocks: bytearray = field(default_factory=bytearray)
    extras: list[Mapping[str, Any] | None] = field(default_factory=list)

    def flush(self) -> None:
        """Ends the block that is open."""
        if self.extras:
            block = json.dumps(self.extras, separators=(",", ":")).encode()
            self.blocks += len(block).to_bytes(4, "little") + block
            self.extras = []


class _State:
    """What rows lead to."""

    def __init__(self) -> None:
        self._edges: dict[int, dict[int, int]] = {}
        self._rows: dict[tuple[int, int], Row] = {}
        self._known: set[int] = set()

    def take(self, row: Row, packer: Packer) -> None:
        """The next row; kinds that are not known here say nothing."""
        kind, ws, a, b, value = row[:5]
        if kind == RowKind.INTERN:
            if a not in self._known:
                self._known.add(a)
                extra = _extra(row)
                packer.alias(a, extra["kind"], UUID(extra["uuid"]), inside=ws != 0)
        elif kind in _UNDER_THE_USER:
            self._edge(a, b, value if kind != RowKind.USER_GROUP else IN_GROUP if value else 0)
        elif kind in _UNDER_THE_NODE:
            self._edge(b, a, value)
        elif kind == RowKind.WORKSPACE_ROLE:
            key, target = (ws, a) if b else (a, ws)
            self._edge(key, target, value)
        elif kind in RowKind.__members__.values():
            self._rows[kind, a] = row

    def write(self, packer: Packer) -> None:
        """Everything but the aliases."""
        for key, told in sorted(self._edges.items()):
            entries = array("I", sorted(target << 2 | value for target, value in told.items() if value))
            packer.edges(array("I", [key]) * len(entries), entries)
        for (kind, a), row in self._rows.items():
            if row[4] or kind not in _GONE_AT_ZERO:
                packer.row(RowKind(kind), a, row[3], row[4], row[6] if len(row) == 7 else None)

    def _edge(self, key: int, target: int, value: int) -> None:
        if not (0 < key <= MAX_ALIAS and 0 < target <= MAX_ALIAS and 0 <= value <= 3):
            raise ValueError("an edge has two aliases and a value of two bits")
        self._edges.setdefault(key, {})[target] = value


def _extra(row: Row) -> Mapping[str, Any]:
    if len(row) != 7:
        raise ValueError("an alias says what it stands for")
    return row[6]


def _little(values: "array[int]") -> bytes:
    if sys.byteorder == "little":
        return values.tobytes()
    swapped = values[:]
    swapped.byteswap()
    return swapped.tobytes()
