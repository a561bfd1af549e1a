"""The shortest way from bytes to the facts there are most of: edges, written as a producer writes them by default.

Nothing is refused here. What differs in the least from what is expected, the other ways read (moorage.events.decoding).
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import from_json

from moorage.events.edge_facts import Grantee, GrantSet, GroupMemberSet, Node, WorkspaceMemberSet
from moorage.events.envelope import Attributes
from moorage.events.fact_data import FactData
from moorage.events.facts import PREFIX

_MOST_BYTES: Final = 2048
_MOST_CHARACTERS: Final = 255
_MOST_VERSION: Final = 2**63 - 1
_UUID: Final = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z")
_ROLES: Final = frozenset({"none", "read", "write", "admin"})
_MEMBERSHIPS: Final = frozenset({"owner", "member", "collaborator", "none"})
_NODES: Final = frozenset({"repository", "project"})
_GRANTEES: Final = frozenset({"user", "group"})
_OPTIONAL: Final = frozenset({"specversion", "time", "partitionkey", "sequence"})
# Names and texts of data, type, subject, workspace and version, which all facts have.
_STRINGS: Final = 8
_new: Final = object.__new__
_set: Final = object.__setattr__
Model = TypeVar("Model", bound=BaseModel)


class Edge(NamedTuple):
    """An event, its data, and the key that its subject was found to be."""

    event: Attributes
    data: FactData
    key: str


class _Odd(Exception):
    """Left to the other ways."""


class _Said(NamedTuple):
    """What an edge says beside what all facts do; `strings` of the text and `objects` in it are its own."""

    model: type[FactData]
    key: str
    values: dict[str, Any]
    strings: int
    objects: int = 0


def plain_edge(body: bytes) -> Edge | None:
    """The fact, if it is an edge in which nothing is odd.

    In ASCII without escapes no text holds a quote or a control character. So if the text has just the quotes that the
    members and texts need that were read, no member was repeated; and as every value is checked and no member is read
    that we don't know, nothing else can be in it.
    """
    if len(body) > _MOST_BYTES or not body.isascii() or b"\\" in body or b"\x7f" in body:
        return None
    try:
        event = from_json(body)
        return _edge(body, event, event.pop("data"))
    except (_Odd, KeyError, TypeError, ValueError, AttributeError):
        return None


def _edge(body: bytes, event: dict[str, Any], data: dict[str, Any]) -> Edge:
    type_, subject, ws, version = event.pop("type"), event.pop("subject"), data.pop("workspace"), data.pop("version")
    said = _READERS[type_](data, ws)
    if type(version) is not int or not 0 <= version <= _MOST_VERSION or subject != said.key:
        raise _Odd
    strings = _STRINGS + said.strings + 2 * (len(data) + len(event))
    if body.count(b'"') != 2 * strings or body.count(b"{") != 2 + said.objects:
        raise _Odd
    if event.get("partitionkey", f"ws:{ws}") != f"ws:{ws}":
        raise _Odd
    values = {"workspace": _id(ws), "version": version, **_common(data), **said.values}
    attributes = {**_attributes(event), "type": type_, "subject": subject}
    fact = _made(said.model, values, {"workspace", "version", *data, *said.values})
    return Edge(_made(Attributes, attributes, {"type", "subject", *event}), fact, subject)


def _common(data: Mapping[str, str]) -> dict[str, str | None]:
    """What any fact may say of itself: texts, none of them long."""
    by, origin = data.get("by"), data.get("origin")
    _check_texts(data, (by is not None) + (origin is not None))
    return {"by": by, "origin": origin, "snapshot": None}


def _attributes(event: Mapping[str, str]) -> dict[str, Any]:
    """What any event may say of itself: texts, none of them long."""
    _check_texts(event, 2 + len(_OPTIONAL & event.keys()))
    time = event.get("time")
    if event.get("specversion", "1.0") != "1.0" or (time is not None and not _INSTANT.fullmatch(time)):
        raise _Odd
    return {
        "specversion": "1.0",
        "id": event["id"],
        "source": event["source"],
        "time": None if time is None else datetime.fromisoformat(time),
        "datacontenttype": None,
        "partitionkey": event.get("partitionkey"),
        "sequence": event.get("sequence"),
        "traceparent": None,
        "critical": True,
    }


def _check_texts(members: Mapping[str, str], known: int) -> None:
    """Joining them is the cheapest way to find out that all are texts."""
    texts = members.values()
    if len(members) != known or len("".join(texts)) > _MOST_CHARACTERS or not all(texts):
        raise _Odd


def _group_member(data: dict[str, Any], ws: str) -> _Said:
    group, user, present = data.pop("group"), data.pop("user"), data.pop("present")
    if type(present) is not bool:
        raise _Odd
    values = {"group": _id(group), "user": _id(user), "present": present}
    return _Said(GroupMemberSet, f"gm:{group}:{user}", values, 5)


def _workspace_member(data: dict[str, Any], ws: str) -> _Said:
    user, role = data.pop("user"), data.pop("role")
    if role not in _MEMBERSHIPS:
        raise _Odd
    return _Said(WorkspaceMemberSet, f"wm:{ws}:{user}", {"user": _id(user), "role": role}, 4)


def _grant(data: dict[str, Any], ws: str) -> _Said:
    node, grantee, role = data.pop("node"), data.pop("grantee"), data.pop("role")
    on, node_id, to, grantee_id = node["kind"], node["id"], grantee["kind"], grantee["id"]
    if len(node) + len(grantee) != 4 or on not in _NODES or to not in _GRANTEES or role not in _ROLES:
        raise _Odd
    values = {"node": _end(Node, on, node_id), "grantee": _end(Grantee, to, grantee_id), "role": role}
    return _Said(GrantSet, f"gr:{on}:{node_id}:{to}:{grantee_id}", values, 12, 2)


@lru_cache(2**16)
def _id(text: str) -> UUID:
    """The UUID that a text spells in the one way we write it; the same ones come again and again."""
    if not _UUID.fullmatch(text):
        raise _Odd
    return UUID(text)


@lru_cache(2**16)
def _end(model: type[Model], kind: str, id: str) -> Model:
    """One end of a grant; it is never changed."""
    return _made(model, {"kind": kind, "id": _id(id)}, {"kind", "id"})


def _made(model: type[Model], values: dict[str, Any], names: set[str]) -> Model:
    """What the model's own `model_construct` makes of checked values, without its questions."""
    made = _new(model)
    _set(made, "__dict__", values)
    _set(made, "__pydantic_fields_set__", names)
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made


_READERS: Final[Mapping[str, Callable[[dict[str, Any], str], _Said]]] = {
    PREFIX + GroupMemberSet.suffix: _group_member,
    PREFIX + WorkspaceMemberSet.suffix: _workspace_member,
    PREFIX + GrantSet.suffix: _grant,
}
