"""`/api/v1/tokens`: personal tokens. A secret is told once, in the answer that makes it (R54)."""

from typing import Final
from uuid import UUID

from pydantic import Field

from moorage.access import wire
from moorage.access.problems import Forbidden, NotFound
from moorage.gateway.http.management.api import ManagementApi
from moorage.gateway.http.management.operation import Reply, operation
from moorage.gateway.http.management.reading import RequestBody, WholeNumber

_OWN: Final = "being the user, or the operator"


class NewToken(wire.TokenSpec):
    """The body of a creation; `user` is for the operator."""

    days: WholeNumber | None = Field(default=90, ge=1, le=3650)
    user: str | None = Field(default=None, max_length=255)


class TokenQuery(RequestBody):
    """Whose tokens; the caller's own without `user`."""

    user: str | None = Field(default=None, max_length=255)


class Tokens:
    """The resource."""

    def __init__(self, api: ManagementApi) -> None:
        self._api = api

    @operation("POST", "/tokens", "createToken", needs=_OWN, status=201, problems=(Forbidden, NotFound))
    async def create(self, who: wire.IdentityBody, body: NewToken) -> Reply[wire.CreateTokenAnswer]:
        """Makes a personal token; its secret is told in this answer and never again."""
        spec = wire.TokenSpec(name=body.name, scopes=body.scopes, days=body.days)
        wanted = wire.CreateTokenRequest(identity=who, user=body.user, spec=spec)
        created = await self._api.authority.create_token(wanted)
        return Reply(created, await self._api.applied(created, created.consistency_token))

    @operation("GET", "/tokens", "listTokens", needs=_OWN, problems=(Forbidden, NotFound))
    async def list(self, who: wire.IdentityBody, query: TokenQuery) -> Reply[wire.ListTokensAnswer]:
        """Lists all tokens of one user, without secrets."""
        return Reply(await self._api.authority.list_tokens(wire.ListTokensRequest(identity=who, user=query.user)))

    @operation("DELETE", "/tokens/{id}", "revokeToken", needs=_OWN, status=204)
    async def revoke(self, who: wire.IdentityBody, id: UUID) -> Reply[None]:
        """Ends a token, and every bearer token it ever got."""
        revoked = await self._api.authority.revoke_token(wire.RevokeTokenRequest(identity=who, token=id))
        return Reply(None, await self._api.applied(revoked, revoked.consistency_token))
