"""Credentials in memory."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from uuid import UUID

from moorage.access.principal import PrincipalKind
from moorage.permissions.memory.hierarchy import users
from moorage.permissions.memory.state import State
from moorage.permissions.records import Credential


class MemoryCredentials:
    """See Credentials."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def by_digest(self, digest: bytes) -> Credential | None:
        """The credential whose secret has this digest."""
        id = self._state.digests.get(digest)
        return self._fresh(self._state.credentials[id]) if id else None

    async def by_id(self, id: UUID) -> Credential | None:
        """The credential with this id."""
        found = self._state.credentials.get(id)
        return self._fresh(found) if found else None

    async def of_user(self, user: UUID) -> Sequence[Credential]:
        """The user's tokens that Moorage issued, newest first."""
        issued = [self._state.credentials[id] for id in self._state.digests.values()]
        mine = [self._fresh(each) for each in issued if each.user == user]
        return sorted(mine, key=lambda each: (each.created_at, each.alias), reverse=True)

    async def robots(self, inside: Collection[UUID], after: UUID | None, limit: int) -> Sequence[Credential]:
        """Robots that may count there."""
        robots = [each for each in self._state.credentials.values() if each.kind is PrincipalKind.ROBOT and each.active]
        there = [each for each in robots if each.bound and each.bound.ids & set(inside)]
        return sorted((each for each in there if after is None or each.id > after), key=lambda each: each.id)[:limit]

    async def operator(self) -> Credential | None:
        """The operator's credential."""
        return next((each for each in self._state.credentials.values() if each.operator and each.active), None)

    async def add(self, credential: Credential, digest: bytes) -> None:
        """Keeps a new credential."""
        self._state.credentials[credential.id] = credential
        self._state.digests[digest] = credential.id

    async def revoke(self, id: UUID) -> bool:
        """Ends a credential for good."""
        if id in self._state.revoked_here:
            return False
        self._state.revoked_here.add(id)
        self._state.credentials[id] = replace(self._state.credentials[id], active=False)
        return True

    def _fresh(self, credential: Credential) -> Credential:
        user = next((each for each in users(self._state) if each.id == credential.user), None)
        if user is None:
            return replace(credential, account=None, user_active=True)
        return replace(credential, account=user.account, user_active=user.active)
