"""The shortest way from bytes to the facts there are most of: edges, written as a producer writes them by default.

Nothing is refused here. What differs in the least from what is expected, the other ways read (moorage.events.decoding).
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from msgspec import UNSET, DecodeError, Raw, Struct, UnsetType
from msgspec.json import Decoder, Encoder

from moorage.access.frames import EntityKind
from moorage.access.role import Membership, Role
from moorage.events.checksums import digest
from moorage.events.edge_facts import GrantSet, GroupMemberSet, WorkspaceMemberSet
from moorage.events.facts import PREFIX

_MOST_BYTES: Final = 2048
_MOST_CHARACTERS: Final = 255
_MOST_VERSION: Final = 2**63 - 1
_MOST_IDS: Final = 2**18
_UUID: Final = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z")
_MEMBERSHIPS: Final[Mapping[str, int]] = {each.name.lower(): int(each) for each in Membership}
_ROLES: Final[Mapping[str, int]] = {each.name.lower(): int(each) for each in Role}
_USER: Final = EntityKind.USER.value
_GROUP: Final = EntityKind.GROUP.value
_NODES: Final = frozenset({EntityKind.REPOSITORY.value, EntityKind.PROJECT.value})
_GRANTEES: Final = frozenset({_USER, _GROUP})
_encode: Final = Encoder().encode

Maybe = str | UnsetType


class PlainEdge(NamedTuple):
    """What a record says of an edge. Ids are texts in the one spelling that we write ourselves.

    Its place is made of `a` and `b`: user and group, user alone (`b` is empty), node and grantee; `rank` is its value,
    and `digest` what it adds to the checksum while it is there.
    """

    type: str
    source: str
    event: str
    workspace: str
    version: int
    by: str | None
    key: str
    a_kind: str
    a: str
    b_kind: str
    b: str
    rank: int
    digest: int


class EdgeReader:
    """Reads edges; remembers which texts it has found to be ids, because the same ones come again and again."""

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def read(self, body: bytes) -> PlainEdge | None:
        """The edge, if that is what the record holds and nothing in it is odd."""
        if len(body) > _MOST_BYTES or not body.isascii() or b"\x7f" in body:
            return None
        try:
            return self._edge(body, _EVENT(body))
        except (_Odd, DecodeError, KeyError, ValueError):
            return None

    def _edge(self, body: bytes, event: "_Event") -> PlainEdge:
        """The same text comes out of what was read: so no member was repeated, and nothing was escaped or left out."""
        data = _DATA[event.type](event.data)
        if len(_encode(data)) != len(event.data) or len(_encode(event)) != len(body):
            raise _Odd
        key, a_kind, a, b_kind, b, rank = data.said()
        ws, ids = data.workspace, self._ids
        if not (ws in ids and a in ids and (b in ids or not b)):
            self._check_ids(ws, a, b or a)
        if event.subject != key or not 0 <= data.version <= _MOST_VERSION:
            raise _Odd
        _check_event(event, ws)
        by = _checked(data.by)
        _checked(data.origin)
        number = digest(key, data.version, rank) if rank else 0
        said = (event.type, event.source, event.id, ws, data.version, by, key)
        return PlainEdge(*said, a_kind, a, b_kind, b, rank, number)

    def _check_ids(self, *ids: str) -> None:
        if len(self._ids) > _MOST_IDS:
            self._ids.clear()
        for each in ids:
            if not _UUID.fullmatch(each):
                raise _Odd
            self._ids.add(each)


class _Odd(Exception):
    """Left to the other ways."""


Said = tuple[str, str, str, str, str, int]
"""Key, the kinds and ids of both ends, and the rank."""


class _Event(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    type: str
    subject: str
    source: str
    id: str
    data: Raw
    specversion: Maybe = UNSET
    time: Maybe = UNSET
    partitionkey: Maybe = UNSET
    sequence: Maybe = UNSET


class _Data(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    workspace: str
    version: int
    by: Maybe = UNSET
    origin: Maybe = UNSET

    def said(self) -> Said:
        raise NotImplementedError


class _GroupMember(_Data):
    group: str
    user: str
    present: bool

    def said(self) -> Said:
        return f"gm:{self.group}:{self.user}", _USER, self.user, _GROUP, self.group, int(self.present)


class _WorkspaceMember(_Data):
    user: str
    role: str

    def said(self) -> Said:
        return f"wm:{self.workspace}:{self.user}", _USER, self.user, "", "", _MEMBERSHIPS[self.role]


class _End(Struct, forbid_unknown_fields=True, gc=False):
    kind: str
    id: str


class _Grant(_Data):
    node: _End
    grantee: _End
    role: str

    def said(self) -> Said:
        on, node, to, grantee = self.node.kind, self.node.id, self.grantee.kind, self.grantee.id
        if on not in _NODES or to not in _GRANTEES:
            raise _Odd
        return f"gr:{on}:{node}:{to}:{grantee}", on, node, to, grantee, _ROLES[self.role]


def _check_event(event: _Event, ws: str) -> None:
    time, partition_key = event.time, event.partitionkey
    if event.specversion is not UNSET and event.specversion != "1.0":
        raise _Odd
    if partition_key is not UNSET and partition_key != f"ws:{ws}":
        raise _Odd
    if time is not UNSET and not (_INSTANT.fullmatch(time) and datetime.fromisoformat(time)):
        raise _Odd
    for each in (event.id, event.source, event.sequence):
        _checked(each)


def _checked(text: Maybe) -> str | None:
    """A text of usual length, or None; there are no control characters in ASCII that JSON does not escape but DEL."""
    if text is UNSET:
        return None
    if not 0 < len(text) <= _MOST_CHARACTERS:
        raise _Odd
    return text


_EVENT: Final = Decoder(_Event).decode
_DATA: Final[Mapping[str, Any]] = {
    PREFIX + GroupMemberSet.suffix: Decoder(_GroupMember).decode,
    PREFIX + WorkspaceMemberSet.suffix: Decoder(_WorkspaceMember).decode,
    PREFIX + GrantSet.suffix: Decoder(_Grant).decode,
}
