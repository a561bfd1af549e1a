"""What was said before, found by comparing states: slow, plain, and an oracle for the SQL."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from moorage.access.frames import EntityKind
from moorage.access.role import Role
from moorage.events.edge_facts import GrantSet, GroupMemberSet, WorkspaceMemberSet
from moorage.events.identity_facts import UserSet
from moorage.events.node_facts import GroupSet, ProjectSet, WorkspaceSet
from moorage.permissions.history import About, Changed, Holder, Shift
from moorage.permissions.memory.holders import MemoryHolders
from moorage.permissions.memory.state import Settings, Stamp, State, Stored
from moorage.permissions.rows import STATE_CODES
from moorage.permissions.slots import Entity, Slot, Table

_NAMED_BY = {Table.WORKSPACE: "slug", Table.PROJECT: "key_", Table.GROUP: "slug", Table.USER: "account"}
Key = tuple[str, int, int]
Said = tuple[Mapping[str, Any], Stamp, str | None]


class MemoryHistory:
    """States up to one position, oldest first."""

    def __init__(self, former: Sequence[tuple[int, datetime, State]]) -> None:
        self._former = former

    async def changes(self, about: About, after: int, limit: int) -> Sequence[Changed]:
        """Changes after a seq, newest first."""
        found: list[Changed] = []
        before: dict[Key, Said] = {}
        for frame, at, state in self._former:
            now = dict(_said(state, about))
            for key, (value, stamp, event) in now.items():
                former = before[key][0] if key in before else None
                if frame > after and former != value:
                    names = _name(state, key[1]), _name(state, key[2])
                    found.append(Changed(frame, at, key[0], *names, former, value, stamp.by, event))
            before = now
        return sorted(found, key=lambda each: (-each.seq, each.kind))[:limit]

    async def shifts(
        self, workspace: int, former: int | None, since: int, current: int | None, after: UUID | None, limit: int
    ) -> Sequence[Shift]:
        """Users by id, after one."""
        then = next(state for frame, _, state in reversed(self._former) if frame <= since)
        olds = await _active(then, workspace, former)
        news = await _active(self._former[-1][2], workspace, current)
        found = [
            Shift(each.alias, each.id, each.account, _role(olds, id), _role(news, id))
            for id, each in sorted((olds | news).items())
            if _role(olds, id) is not _role(news, id) and (after is None or id > after)
        ]
        return found[:limit]


async def _active(state: State, workspace: int, repository: int | None) -> dict[UUID, Holder]:
    if repository is None:
        return {}
    found = await MemoryHolders(state).page(workspace, repository, Role.READ, None, len(state.aliases))
    return {each.id: each for each in found if each.active}


def _role(holders: Mapping[UUID, Holder], id: UUID) -> Role:
    return holders[id].role if id in holders else Role.NONE


def _said(state: State, about: About) -> Iterator[tuple[Key, Said]]:
    image = next((each for each in state.images.values() if each.alias == about.image), None)
    if image:
        record = image.record
        value = {
            "repository": image.repository.alias,
            "visibility": record.visibility.value,
            "push_policy": record.push_policy.value,
            "state": record.state.value,
            "link_gen": record.link_gen,
            "admin_override": record.admin_override,
        }
        yield ("image", image.alias, 0), (value, state.stamps.get(image.alias, Stamp()), None)
    for slot, stored in state.facts.items():
        if _touches(state, slot, about):
            yield _key(slot), (_value(state, slot, stored), _stamp(state, slot, stored), stored.event)


def _touches(state: State, slot: Slot, about: About) -> bool:
    projects = {
        state.aliases[Entity(EntityKind.PROJECT, state.entities[each.ws].id, each.project)]
        for alias, each in state.repositories.items()
        if alias in about.repositories and each.project
    }
    nodes = {about.workspace, *about.repositories, *projects}
    match slot.table:
        case Table.WORKSPACE:
            return slot.a == about.workspace
        case Table.REPOSITORY:
            return slot.a in about.repositories
        case Table.PROJECT:
            return slot.a in projects
        case Table.USER | Table.WORKSPACE_MEMBER:
            return slot.a == about.user and slot.ws in (0, about.workspace)
        case Table.GROUP:
            return slot.a in _teams(state, about, nodes)
        case Table.GROUP_MEMBER:
            return (slot.ws, slot.a) == (about.workspace, about.user) and slot.b in _teams(state, about, nodes)
        case Table.GRANT:
            grantees = {about.user, *_teams(state, about, nodes)}
            return slot.ws == about.workspace and slot.a in nodes and slot.b in grantees
        case _:
            return False


def _teams(state: State, about: About, nodes: set[int]) -> set[int]:
    mine = {
        slot.b
        for slot in state.facts
        if slot.table is Table.GROUP_MEMBER and (slot.ws, slot.a) == (about.workspace, about.user)
    }
    return mine & {slot.b for slot in state.facts if slot.table is Table.GRANT and slot.a in nodes}


def _key(slot: Slot) -> Key:
    return slot.table.value, slot.a, slot.b


def _stamp(state: State, slot: Slot, stored: Stored) -> Stamp:
    settings = state.stamps.get(slot.a) if slot.table is Table.WORKSPACE else None
    return settings if settings and settings.seq > stored.stamp.seq else stored.stamp


def _value(state: State, slot: Slot, stored: Stored) -> Mapping[str, Any]:
    match stored.data:
        case WorkspaceSet() as data:
            settings = state.settings.get(slot.a, Settings())
            return {
                "slug": data.slug,
                "state": STATE_CODES[data.state],
                "allow_public": settings.allow_public,
                "default_push_policy": settings.publishing.policy.value,
            }
        case GroupMemberSet() as data:
            return {"present": data.present}
        case WorkspaceMemberSet() as data:
            return {"role": int(data.membership)}
        case GrantSet() as data:
            return {"role": int(data.granted), "node_kind": data.node.kind, "grantee_kind": data.grantee.kind}
        case UserSet() as data:
            return {"account": data.account, "active": data.active}
        case ProjectSet() as data:
            return {"key": data.key_, "state": STATE_CODES[data.state]}
        case GroupSet() as data:
            return {"slug": data.slug, "state": STATE_CODES[data.state]}
        case _:
            found = state.repositories[slot.a]
            return {"slug": found.slug, "project": _id(found.project), "state": STATE_CODES[found.state]}


def _id(id: UUID | None) -> str | None:
    return str(id) if id else None


def _name(state: State, alias: int) -> str:
    if alias in state.repositories:
        return state.repositories[alias].slug or ""
    for table, field in (
        (Table.WORKSPACE, "slug"),
        (Table.PROJECT, "key_"),
        (Table.GROUP, "slug"),
        (Table.USER, "account"),
    ):
        for slot, stored in state.facts.items():
            if slot.table is table and slot.a == alias:
                return str(getattr(stored.data, field))
    return ""
