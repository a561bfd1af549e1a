"""What facts say of a principal, found by looking at every fact: slow, plain, and an oracle for the SQL (§1.4)."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from moorage.access.frames import EntityKind
from moorage.access.principal import Principal, PrincipalKind
from moorage.access.role import Membership, Role
from moorage.events.edge_facts import GrantSet, GroupMemberSet, WorkspaceMemberSet
from moorage.events.node_facts import GroupSet, ProjectSet, WorkspaceSet
from moorage.permissions.memory.state import State, Stored
from moorage.permissions.paths import Arm, PathFacts, path_of
from moorage.permissions.records import Path, WorkspaceStanding
from moorage.permissions.slots import Entity, Slot, Table

_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


class MemoryStandings:
    """See Standings."""

    def __init__(self, state: State, moment: datetime | None = None) -> None:
        self._state = state
        self._moment = moment

    async def of(
        self, principal: Principal, credential: UUID | None, workspace: int, repositories: Collection[int]
    ) -> WorkspaceStanding:
        """Membership, activity, and roles."""
        active = self._credential_active(principal, credential)
        if principal.kind is PrincipalKind.PIPELINE:
            return self._pipeline(principal, workspace, active)
        user = self._state.alias_of_user(principal.id) if principal.kind is PrincipalKind.USER else 0
        roles = {
            each: max(path.role for path in found)
            for each in repositories
            if (found := [path_of(path) for path in self.path_facts(user, workspace, each)])
        }
        counts = principal.kind is not PrincipalKind.USER or self._user_active(user)
        return WorkspaceStanding(self._membership(user, workspace), counts, active, roles)

    async def paths(self, principal: Principal, workspace: int, repository: int) -> Sequence[Path]:
        """Every path, strongest first."""
        user = self._state.alias_of_user(principal.id) if principal.kind is PrincipalKind.USER else 0
        found = sorted(
            self.path_facts(user, workspace, repository),
            key=lambda each: (-each.role, each.arm, each.node, each.grp or UUID(int=0)),
        )
        return [path_of(each) for each in found]

    def _credential_active(self, principal: Principal, credential: UUID | None) -> bool:
        if credential is None:
            return True
        found = self._state.credentials.get(credential)
        if found is None:
            return principal.kind is PrincipalKind.PIPELINE
        return found.active and (found.expires is None or found.expires > (self._moment or datetime.now(UTC)))

    def _user_active(self, user: int) -> bool:
        stored = self._state.facts.get(Slot(Table.USER, 0, user))
        return stored is not None and bool(stored.held.rank)

    def _pipeline(self, principal: Principal, workspace: int, active: bool) -> WorkspaceStanding:
        for alias, each in self._state.repositories.items():
            if (each.ws, each.id) == (workspace, principal.id):
                live = self._state.node_state(alias).carries_roles
                return WorkspaceStanding(
                    Membership.MEMBER if live else Membership.NONE, True, active, {alias: Role.READ}
                )
        return WorkspaceStanding(Membership.NONE, True, active)

    def _membership(self, user: int, workspace: int) -> Membership:
        stored = self._state.facts.get(Slot(Table.WORKSPACE_MEMBER, workspace, user))
        own = stored.data.membership if stored and isinstance(stored.data, WorkspaceMemberSet) else Membership.NONE
        owner = any(self._granted(workspace, workspace, group) for group in self._groups(user, workspace))
        return Membership.OWNER if owner else own

    def _groups(self, user: int, workspace: int) -> list[int]:
        return [
            slot.b
            for slot, stored in self._state.facts.items()
            if slot.table is Table.GROUP_MEMBER
            and (slot.ws, slot.a) == (workspace, user)
            and isinstance(stored.data, GroupMemberSet)
            and stored.data.present
            and self._state.group_live(slot.b)
        ]

    def _granted(self, workspace: int, node: int, grantee: int) -> Stored | None:
        stored = self._state.facts.get(Slot(Table.GRANT, workspace, node, grantee))
        return stored if stored and isinstance(stored.data, GrantSet) and stored.data.granted else None

    def path_facts(self, user: int, workspace: int, repository: int) -> Iterator[PathFacts]:
        """Every path of the user with this alias, in no order."""
        if not user:
            return
        member = self._state.facts.get(Slot(Table.WORKSPACE_MEMBER, workspace, user))
        if member and member.held.rank == Membership.OWNER:
            yield self._path(Arm.OWNER, Role.ADMIN, member, user, workspace, repository, workspace)
        project = self._project(repository)
        places = [(workspace, None, Arm.OWNER_GROUP), (repository, Arm.REPOSITORY, Arm.REPOSITORY_GROUP)]
        places += [(project, Arm.PROJECT, Arm.PROJECT_GROUP)] if project else []
        for node, own, through_group in places:
            if own and (grant := self._granted(workspace, node, user)):
                yield self._path(own, Role(grant.held.rank), grant, user, workspace, repository, node)
            for group in self._groups(user, workspace):
                if grant := self._granted(workspace, node, group):
                    role = Role(grant.held.rank)
                    yield self._path(through_group, role, grant, user, workspace, repository, node, group)

    def _project(self, repository: int) -> int:
        """The repository's project, if it has been announced and carries roles."""
        found = self._state.repositories[repository]
        state = self._state.project_state(found.ws, found.project)
        if found.project is None or state is None or not state.carries_roles:
            return 0
        return self._state.aliases[Entity(EntityKind.PROJECT, self._state.entities[found.ws].id, found.project)]

    def _path(
        self,
        arm: Arm,
        role: Role,
        stored: Stored,
        user: int,
        workspace: int,
        repository: int,
        node: int,
        group: int = 0,
    ) -> PathFacts:
        facts, entities = self._state.facts, self._state.entities
        ws = facts[Slot(Table.WORKSPACE, 0, workspace)].data
        repo = facts[Slot(Table.REPOSITORY, workspace, repository)]
        team = facts[Slot(Table.GROUP, workspace, group)].data if group else None
        member = facts[Slot(Table.GROUP_MEMBER, workspace, user, group)] if group else None
        place = facts.get(Slot(Table.PROJECT, workspace, node))
        return PathFacts(
            arm=arm.value,
            role=role,
            seq=stored.stamp.seq,
            ver=stored.held.version,
            ev=stored.event,
            by_whom=stored.stamp.by,
            at=stored.stamp.at or _EVER,
            workspace=entities[workspace].id,
            workspace_slug=ws.slug if isinstance(ws, WorkspaceSet) else "",
            usr_alias=user,
            usr=entities[user].id,
            grp=entities[group].id if group else None,
            grp_slug=team.slug if isinstance(team, GroupSet) else None,
            member_seq=member.stamp.seq if member else None,
            member_ver=member.held.version if member else None,
            member_ev=member.event if member else None,
            member_by=member.stamp.by if member else None,
            member_at=member.stamp.at if member else None,
            node=entities[node].id,
            project_key=place.data.key_ if place and isinstance(place.data, ProjectSet) else None,
            repository=entities[repository].id,
            repository_slug=self._state.repositories[repository].slug,
            repository_seq=repo.stamp.seq,
            repository_ver=repo.held.version,
            repository_ev=repo.event,
            repository_by=repo.stamp.by,
            repository_at=repo.stamp.at or _EVER,
        )
