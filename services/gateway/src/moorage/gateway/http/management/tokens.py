"""`/api/v1/tokens`: personal tokens. A secret is told once, in the answer that makes it (R54)."""

from aiohttp import web
from pydantic import Field

from moorage.access import wire
from moorage.gateway.http.management.api import ManagementApi, RequestBody, answer, path_id, read_body, read_query


class NewToken(wire.TokenSpec):
    """The body of a creation; `user` is for the operator."""

    user: str | None = Field(default=None, max_length=255)


class TokenQuery(RequestBody):
    """Whose tokens; the caller's own without `user`."""

    user: str | None = Field(default=None, max_length=255)


class Tokens:
    """The resource."""

    def __init__(self, api: ManagementApi) -> None:
        self._api = api

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_post("/api/v1/tokens", self.create)
        app.router.add_get("/api/v1/tokens", self.list)
        app.router.add_delete("/api/v1/tokens/{id}", self.revoke)

    async def create(self, request: web.Request) -> web.Response:
        """201 with the token and its secret, once this gateway knows it."""
        identity = await self._api.somebody(request)
        body = await read_body(request, NewToken)
        spec = wire.TokenSpec(name=body.name, scopes=body.scopes, days=body.days)
        created = await self._api.authority.create_token(
            wire.CreateTokenRequest(identity=identity, user=body.user, spec=spec)
        )
        return answer(created, 201, await self._api.applied(created, created.consistency_token))

    async def list(self, request: web.Request) -> web.Response:
        """All tokens of one user, without secrets."""
        identity = await self._api.somebody(request)
        user = read_query(request, TokenQuery).user
        return answer(await self._api.authority.list_tokens(wire.ListTokensRequest(identity=identity, user=user)))

    async def revoke(self, request: web.Request) -> web.Response:
        """204; from then on this gateway refuses the token, and every bearer token it ever got."""
        identity = await self._api.somebody(request)
        revoked = await self._api.authority.revoke_token(
            wire.RevokeTokenRequest(identity=identity, token=path_id(request))
        )
        headers = await self._api.applied(revoked, revoked.consistency_token)
        return web.Response(status=204, headers={"Cache-Control": "no-store", **headers})
