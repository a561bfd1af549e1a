"""The shortest way from bytes to the facts there are most of: edges, written as a producer writes them by default.

Nothing is refused here. What differs in the least from what is expected, the other ways read (moorage.events.decoding).
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar, Final, Literal

from msgspec import UNSET, DecodeError, Meta, Struct, UnsetType
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
_DEL: Final = 0x7F
_UUID: Final = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_SECOND: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}")
_REST: Final = re.compile(r"(?:\.[0-9]{1,9})?Z")
_MEMBERSHIPS: Final[Mapping[str, int]] = {each.name.lower(): int(each) for each in Membership}
_ROLES: Final[Mapping[str, int]] = {each.name.lower(): int(each) for each in Role}
_USER: Final = EntityKind.USER.value
_GROUP: Final = EntityKind.GROUP.value
_NODES: Final = frozenset({EntityKind.REPOSITORY.value, EntityKind.PROJECT.value})
_GRANTEES: Final = frozenset({_USER, _GROUP})
_encode_into: Final = Encoder().encode_into

Said = tuple[str, str, str, str, str, int]
"""Key, the kinds and ids of both ends, and the rank."""
# There are no control characters in ASCII that JSON does not escape but DEL; so lengths are all that is left to check.
_Text = Annotated[str, Meta(min_length=1, max_length=_MOST_CHARACTERS)]
_Version = Annotated[int, Meta(ge=0, le=_MOST_VERSION)]


class PlainEdge(Struct, frozen=True, gc=False):
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
        self._time: str | UnsetType = UNSET
        self._second = ""
        self._again = bytearray()

    def read(self, body: bytes) -> PlainEdge | None:
        """The edge, if that is what the record holds and nothing in it is odd."""
        if len(body) > _MOST_BYTES or not body.isascii() or _DEL in body:
            return None
        try:
            event = _decode(body)
            # The same text comes out of what was read: so no member was repeated, nothing was escaped or left out.
            _encode_into(event, self._again)
            return self._edge(event) if len(self._again) == len(body) else None
        except (_Odd, DecodeError, KeyError, ValueError):
            return None

    def _edge(self, event: "_Event") -> PlainEdge:
        data = event.data
        key, a_kind, a, b_kind, b, rank = data.said()
        ws, version, ids, home = data.workspace, data.version, self._ids, event.partitionkey
        if event.subject != key or (home is not UNSET and home != f"ws:{ws}"):
            raise _Odd
        if not (ws in ids and a in ids and (b in ids or not b)):
            self._check_ids(ws, a, b)
        if event.time != self._time:
            self._check_time(event.time)
        number = digest(key, version, rank) if rank else 0
        by = data.by or None
        return PlainEdge(event.kind, event.source, event.id, ws, version, by, key, a_kind, a, b_kind, b, rank, number)

    def _check_ids(self, *ids: str) -> None:
        if len(self._ids) > _MOST_IDS:
            self._ids.clear()
        for each in ids:
            if each and each not in self._ids:
                if not _UUID.fullmatch(each):
                    raise _Odd
                self._ids.add(each)

    def _check_time(self, time: str | UnsetType) -> None:
        """Many come at one time, and more within one second: whether there is such a one is looked up once."""
        if time is UNSET:
            return
        second = time[:19]
        if second != self._second:
            if not (_SECOND.fullmatch(second) and datetime.fromisoformat(second)):
                raise _Odd
            self._second = second
        if not _REST.fullmatch(time, 19):
            raise _Odd
        self._time = time


class _Odd(Exception):
    """Left to the other ways."""


class _Data(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    workspace: str
    version: _Version
    by: _Text | UnsetType = UNSET
    origin: _Text | UnsetType = UNSET

    def said(self) -> Said:
        raise NotImplementedError


class _GroupMember(_Data, gc=False):
    group: str
    user: str
    present: bool

    def said(self) -> Said:
        return f"gm:{self.group}:{self.user}", _USER, self.user, _GROUP, self.group, int(self.present)


class _WorkspaceMember(_Data, gc=False):
    user: str
    role: str

    def said(self) -> Said:
        return f"wm:{self.workspace}:{self.user}", _USER, self.user, "", "", _MEMBERSHIPS[self.role]


class _End(Struct, forbid_unknown_fields=True, gc=False):
    kind: str
    id: str


class _Grant(_Data, gc=False):
    node: _End
    grantee: _End
    role: str

    def said(self) -> Said:
        on, node, to, grantee = self.node.kind, self.node.id, self.grantee.kind, self.grantee.id
        if on not in _NODES or to not in _GRANTEES:
            raise _Odd
        return f"gr:{on}:{node}:{to}:{grantee}", on, node, to, grantee, _ROLES[self.role]


class _Event(Struct, forbid_unknown_fields=True, kw_only=True, gc=False, tag_field="type"):
    """What all edges have around their data."""

    kind: ClassVar[str]
    subject: str
    source: _Text
    id: _Text
    data: _Data
    specversion: Literal["1.0"] | UnsetType = UNSET
    time: str | UnsetType = UNSET
    partitionkey: str | UnsetType = UNSET
    sequence: _Text | UnsetType = UNSET


class _GroupMemberEvent(_Event, gc=False, tag=PREFIX + GroupMemberSet.suffix):
    kind: ClassVar[str] = PREFIX + GroupMemberSet.suffix
    data: _GroupMember


class _WorkspaceMemberEvent(_Event, gc=False, tag=PREFIX + WorkspaceMemberSet.suffix):
    kind: ClassVar[str] = PREFIX + WorkspaceMemberSet.suffix
    data: _WorkspaceMember


class _GrantEvent(_Event, gc=False, tag=PREFIX + GrantSet.suffix):
    kind: ClassVar[str] = PREFIX + GrantSet.suffix
    data: _Grant


_decode: Final = Decoder(_GroupMemberEvent | _WorkspaceMemberEvent | _GrantEvent).decode
