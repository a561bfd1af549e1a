"""A site to ask: an authority, a way to write facts by hand, and people who log in."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import pytest

from moorage.access import wire
from moorage.access.action import Action
from moorage.access.principal import ANONYMOUS, Identity, Scope
from moorage.gateway.ports import Authority
from permissions.sample_facts import (
    small_workspace,
)

ANYBODY = wire.IdentityBody.of(Identity(ANONYMOUS))


@dataclass(frozen=True)
class Site:
    """An authority, a way to write facts by hand, and the operator's secret."""

    authority: Authority
    ingest: Callable[[Sequence[bytes]], Awaitable[object]]
    set_workspace: Callable[[wire.SetWorkspaceRequest], Awaitable[object]]
    operator_secret: str

    async def operator(self) -> wire.IdentityBody:
        """The operator, logged in."""
        return (await self.authority.authenticate(wire.AuthenticateRequest(secret=self.operator_secret))).identity

    async def token(self, account: str, scopes: frozenset[Scope] = frozenset(Scope)) -> wire.CreateTokenAnswer:
        """A token that the operator mints for a user."""
        spec = wire.TokenSpec(name="laptop", scopes=scopes)
        request = wire.CreateTokenRequest(identity=await self.operator(), user=account, spec=spec)
        return await self.authority.create_token(request)

    async def login(self, account: str, scopes: frozenset[Scope] = frozenset(Scope)) -> wire.IdentityBody:
        """A user with a fresh token."""
        secret = (await self.token(account, scopes)).secret
        return (await self.authority.authenticate(wire.AuthenticateRequest(secret=secret))).identity

    async def check(self, who: wire.IdentityBody, action: Action, image: str = "hello/api") -> wire.CheckAnswer:
        """The decision on an image of acme."""
        return await self.authority.check(wire.CheckRequest(identity=who, workspace="acme", image=image, action=action))

    async def push(self, who: wire.IdentityBody, image: str = "hello/api") -> wire.CheckAnswer:
        """A first push to an image of acme."""
        return await self.authority.first_push(wire.FirstPushRequest(identity=who, workspace="acme", image=image))

    async def image(self, account: str = "bob", name: str = "hello/api") -> wire.ImageBody:
        """An image that this user's first push has made."""
        answer = await self.push(await self.login(account), name)
        assert answer.image is not None
        return answer.image


class OverASite:
    """Base of the authority's contracts: give `site` an empty one; `acme` has the small workspace."""

    @pytest.fixture
    async def site(self) -> Site:
        """An authority without any fact, bootstrapped."""
        raise NotImplementedError

    @pytest.fixture
    async def acme(self, site: Site) -> Site:
        """The authority with the small workspace."""
        await site.ingest(small_workspace())
        return site
