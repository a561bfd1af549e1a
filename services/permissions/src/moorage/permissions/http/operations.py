"""`POST /internal/v1/<operation>`: the authority's operations, one table for all."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from moorage.access import deletion_wire, explain_wire, wire
from moorage.access.audit import FindDecisionRequest, KeepAuditRequest, ListAuditRequest
from moorage.access.reading_wire import FindWorkspaceRequest, ListCatalogRequest
from moorage.access.sync_wire import AwaitFleetRequest, FleetReport, RefreshRequest, SyncStatusRequest
from moorage.permissions.authority import LocalAuthority
from moorage.permissions.http.bodies import answer, read_model
from moorage.permissions.http.callers import GatewayGuard

MAX_BYTES: Final = 256 * 1024
MAX_AUDIT_BYTES: Final = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Operation:
    """What is asked, and who answers."""

    request: type[wire.Request]
    perform: Callable[[LocalAuthority, Any], Awaitable[wire.Answer]]
    max_bytes: int = MAX_BYTES


OPERATIONS: Final[Mapping[str, Operation]] = {
    "authenticate": Operation(wire.AuthenticateRequest, LocalAuthority.authenticate),
    "check": Operation(wire.CheckRequest, LocalAuthority.check),
    "first_push": Operation(wire.FirstPushRequest, LocalAuthority.first_push),
    "create_image": Operation(wire.CreateImageRequest, LocalAuthority.create_image),
    "find_image": Operation(wire.FindImageRequest, LocalAuthority.find_image),
    "list_images": Operation(wire.ListImagesRequest, LocalAuthority.list_images),
    "list_catalog": Operation(ListCatalogRequest, LocalAuthority.list_catalog),
    "set_image": Operation(wire.SetImageRequest, LocalAuthority.set_image),
    "relink_image": Operation(wire.RelinkImageRequest, LocalAuthority.relink_image),
    "delete_image": Operation(wire.DeleteImageRequest, LocalAuthority.delete_image),
    "restore_image": Operation(deletion_wire.RestoreImageRequest, LocalAuthority.restore_image),
    "list_deleted_images": Operation(deletion_wire.ListDeletedImagesRequest, LocalAuthority.list_deleted_images),
    "purgeable": Operation(deletion_wire.PurgeableRequest, LocalAuthority.purgeable),
    "purged": Operation(deletion_wire.PurgedRequest, LocalAuthority.purged),
    "unpushed": Operation(deletion_wire.UnpushedRequest, LocalAuthority.unpushed),
    "looked_into": Operation(deletion_wire.LookedIntoRequest, LocalAuthority.looked_into),
    "find_workspace": Operation(FindWorkspaceRequest, LocalAuthority.find_workspace),
    "set_workspace": Operation(wire.SetWorkspaceRequest, LocalAuthority.set_workspace),
    "create_token": Operation(wire.CreateTokenRequest, LocalAuthority.create_token),
    "list_tokens": Operation(wire.ListTokensRequest, LocalAuthority.list_tokens),
    "revoke_token": Operation(wire.RevokeTokenRequest, LocalAuthority.revoke_token),
    "fleet": Operation(FleetReport, LocalAuthority.report),
    "await_fleet": Operation(AwaitFleetRequest, LocalAuthority.await_fleet),
    "refresh": Operation(RefreshRequest, LocalAuthority.refresh),
    "sync_status": Operation(SyncStatusRequest, LocalAuthority.sync_status),
    "explain": Operation(explain_wire.ExplainRequest, LocalAuthority.explain),
    "who_can": Operation(explain_wire.WhoCanRequest, LocalAuthority.who_can),
    "what_can": Operation(explain_wire.WhatCanRequest, LocalAuthority.what_can),
    "image_diff": Operation(explain_wire.ImageDiffRequest, LocalAuthority.image_diff),
    "user_diff": Operation(explain_wire.UserDiffRequest, LocalAuthority.user_diff),
    "preview": Operation(explain_wire.PreviewRequest, LocalAuthority.preview),
    "offboarding": Operation(explain_wire.OffboardingRequest, LocalAuthority.offboarding),
    "audit": Operation(KeepAuditRequest, LocalAuthority.keep_audit, MAX_AUDIT_BYTES),
    "list_audit": Operation(ListAuditRequest, LocalAuthority.list_audit),
    "find_decision": Operation(FindDecisionRequest, LocalAuthority.find_decision),
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
        body = await read_model(request, operation.request, operation.max_bytes)
        return answer(await operation.perform(authority, body))

    return handle
