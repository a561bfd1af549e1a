"""Everybody's roles in memory."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from moorage.access.frames import EntityKind
from moorage.access.role import Membership, Role
from moorage.events.edge_facts import GrantSet, GroupMemberSet, WorkspaceMemberSet
from moorage.events.identity_facts import UserSet
from moorage.events.node_facts import GroupSet
from moorage.permissions.history import HeldRole, Holder
from moorage.permissions.memory.standings import MemoryStandings
from moorage.permissions.memory.state import State
from moorage.permissions.paths import path_of
from moorage.permissions.records import Path
from moorage.permissions.slots import Entity, Slot, Table


class MemoryHolders:
    """See Holders."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._standings = MemoryStandings(state)

    async def page(
        self, workspace: int, repository: int, minimum: Role, after: UUID | None, limit: int
    ) -> Sequence[Holder]:
        """Users by id, after one."""
        found = [
            self._holder(each.user, each.role)
            for each in await self.roles(workspace, [repository], None, len(self._state.aliases))
            if each.role >= minimum
        ]
        later = [each for each in found if after is None or each.id > after]
        return sorted(later, key=lambda each: each.id)[:limit]

    async def paths(self, workspace: int, repository: int, users: Collection[int]) -> Mapping[int, Sequence[Path]]:
        """Every path of each of these users."""
        found = {}
        for user in users:
            paths = sorted(
                self._standings.path_facts(user, workspace, repository),
                key=lambda each: (-each.role, each.arm, each.node, each.grp or UUID(int=0)),
            )
            found[user] = [path_of(each) for each in paths]
        return found

    async def roles(
        self, workspace: int, repositories: Collection[int], users: Collection[int] | None, limit: int
    ) -> Sequence[HeldRole]:
        """All roles on these repositories."""
        everybody = [alias for alias, entity in self._state.entities.items() if entity.kind is EntityKind.USER]
        found = []
        for user in everybody if users is None else users:
            for repository in repositories:
                paths = list(self._standings.path_facts(user, workspace, repository))
                if paths:
                    found.append(HeldRole(user, repository, Role(max(each.role for each in paths))))
        return found[:limit]

    async def admins(self, workspace: int, repository: int) -> Sequence[str]:
        """The first of the groups and users that have ADMIN on the repository by themselves."""
        found, nodes, place = set(), {workspace, repository}, self._state.repositories[repository]
        if place.project:
            project = Entity(EntityKind.PROJECT, self._state.entities[workspace].id, place.project)
            nodes.add(self._state.aliases[project])
        for slot, stored in self._state.facts.items():
            data = stored.data
            if isinstance(data, GrantSet) and data.granted is Role.ADMIN and slot.ws == workspace and slot.a in nodes:
                found.add(self._grantee(workspace, slot.b))
            if isinstance(data, WorkspaceMemberSet) and slot.ws == workspace and data.membership is Membership.OWNER:
                found.add(self._grantee(workspace, slot.a))
        return sorted(each for each in found if each)[:20]

    async def members(self, groups: Collection[int]) -> Sequence[int]:
        """The users in these groups."""
        return sorted(
            {
                slot.a
                for slot, stored in self._state.facts.items()
                if slot.table is Table.GROUP_MEMBER
                and slot.b in groups
                and isinstance(stored.data, GroupMemberSet)
                and stored.data.present
            }
        )

    def _grantee(self, workspace: int, alias: int) -> str | None:
        if self._state.entities[alias].kind is EntityKind.USER:
            holder = self._holder(alias, Role.ADMIN)
            return f"user:{holder.account}" if holder.active else None
        team = self._state.facts.get(Slot(Table.GROUP, workspace, alias))
        live = team is not None and self._state.group_live(alias)
        return f"group:{team.data.slug}" if team and live and isinstance(team.data, GroupSet) else None

    def _holder(self, user: int, role: Role) -> Holder:
        stored = self._state.facts.get(Slot(Table.USER, 0, user))
        said = stored.data if stored and isinstance(stored.data, UserSet) else None
        id = self._state.entities[user].id
        return Holder(user, id, said.account if said else None, bool(said and said.active), role)
