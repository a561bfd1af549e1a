"""`POST /internal/v1/<operation>`: the authority's operations, one table for all."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from moorage.access import wire
from moorage.permissions.authority import LocalAuthority
from moorage.permissions.http.bodies import answer, read_model
from moorage.permissions.http.callers import GatewayGuard

MAX_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Operation:
    """What is asked, and who answers."""

    request: type[wire.Request]
    perform: Callable[[LocalAuthority, Any], Awaitable[wire.Answer]]


OPERATIONS: Final[Mapping[str, Operation]] = {
    "authenticate": Operation(wire.AuthenticateRequest, LocalAuthority.authenticate),
    "check": Operation(wire.CheckRequest, LocalAuthority.check),
    "first_push": Operation(wire.FirstPushRequest, LocalAuthority.first_push),
    "create_image": Operation(wire.CreateImageRequest, LocalAuthority.create_image),
    "find_image": Operation(wire.FindImageRequest, LocalAuthority.find_image),
    "list_images": Operation(wire.ListImagesRequest, LocalAuthority.list_images),
    "set_image": Operation(wire.SetImageRequest, LocalAuthority.set_image),
    "relink_image": Operation(wire.RelinkImageRequest, LocalAuthority.relink_image),
    "delete_image": Operation(wire.DeleteImageRequest, LocalAuthority.delete_image),
    "set_workspace": Operation(wire.SetWorkspaceRequest, LocalAuthority.set_workspace),
    "create_token": Operation(wire.CreateTokenRequest, LocalAuthority.create_token),
    "list_tokens": Operation(wire.ListTokensRequest, LocalAuthority.list_tokens),
    "revoke_token": Operation(wire.RevokeTokenRequest, LocalAuthority.revoke_token),
    "explain": Operation(wire.ExplainRequest, LocalAuthority.explain),
}


def add_operations(app: web.Application, authority: LocalAuthority, guard: GatewayGuard) -> None:
    """Adds a route per operation; only gateways are let in."""
    for name, operation in OPERATIONS.items():
        app.router.add_post(f"/internal/v1/{name}", _handler(operation, authority, guard))


def _handler(
    operation: Operation, authority: LocalAuthority, guard: GatewayGuard
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        guard.admit(request)
        body = await read_model(request, operation.request, MAX_BYTES)
        return answer(await operation.perform(authority, body))

    return handle
