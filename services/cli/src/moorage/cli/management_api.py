"""The management API of a registry (`/api/v1`), one method per operation, in the words of moorage.access.wire."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote
from uuid import UUID

from pydantic import BaseModel, ValidationError

from moorage.access import wire
from moorage.access.action import Action
from moorage.access.audit import AuditRecord, ListAuditAnswer
from moorage.access.content_wire import DeletedTagBody, ListDeletedTagsAnswer, RestoredBody
from moorage.access.sync_wire import RefreshAnswer, SyncStatus
from moorage.cli.audit_query import AuditQuery
from moorage.cli.failure import CommandFailed
from moorage.cli.http_client import HttpClient
from moorage.oci.reference import ImageName

if TYPE_CHECKING:
    from moorage.cli.insight_api import InsightApi

Body = TypeVar("Body", bound=BaseModel)
PAGE = 100
TAGS_PAGE = 1000
AUDIT_PAGE = 1000


class ManagementApi:
    """Asks over an open client. Every method raises what HttpClient.ask raises."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    @property
    def insight(self) -> "InsightApi":
        """Explanations, over the same client; only who asks for them loads their words."""
        from moorage.cli.insight_api import InsightApi

        return InsightApi(self._client)

    async def create_image(self, name: ImageName, repository: str) -> wire.ImageBody:
        """Creates a record linked to the repository (slug or UUID)."""
        return await self._ask(wire.ImageBody, "POST", "/api/v1/images", name=str(name), repository=repository)

    async def images(self, workspace: str, *, deleted: bool = False) -> AsyncIterator[wire.ImageBody]:
        """Every record of the workspace that the caller may pull, or can restore, by name, page after page."""
        which = {"workspace": workspace, "limit": str(PAGE)} | ({"deleted": "true"} if deleted else {})
        cursor: str | None = None
        while True:
            query = which | ({"cursor": cursor} if cursor else {})
            page = _read(wire.ListImagesAnswer, await self._client.ask("GET", "/api/v1/images", query=query))
            for image in page.images:
                yield image
            cursor = page.cursor
            if cursor is None:
                return

    async def image(self, name: ImageName) -> wire.ImageBody:
        """The record that has this name now. Raises CommandFailed if the caller may know of none."""
        answer = await self._client.ask("GET", "/api/v1/images", query={"name": str(name)})
        found = _read(wire.ListImagesAnswer, answer).images
        if not found:
            raise CommandFailed(
                f"No image {name} is available to you.",
                "Check the spelling, and whether this user may pull it; anonymous sees public images only.",
            )
        return found[0]

    async def set_image(self, image: UUID, setting: str, **members: str) -> wire.ImageBody:
        """Puts one setting (`visibility`, `push-policy`, `repository`) of the record."""
        return await self._ask(wire.ImageBody, "PUT", f"/api/v1/images/{image}/{setting}", **members)

    async def change_image(self, image: UUID, **members: Any) -> wire.ImageBody:
        """Sets what is given of the record, as one change."""
        return await self._ask(wire.ImageBody, "PATCH", f"/api/v1/images/{image}", **members)

    async def workspace(self, slug: str) -> wire.WorkspaceBody:
        """The workspace's settings."""
        return _read(wire.WorkspaceBody, await self._client.ask("GET", f"/api/v1/workspaces/{quote(slug, safe='')}"))

    async def set_workspace(self, slug: str, **members: Any) -> wire.WorkspaceBody:
        """Sets what is given of the workspace's settings, as one change."""
        path = f"/api/v1/workspaces/{quote(slug, safe='')}"
        return await self._ask(wire.WorkspaceBody, "PATCH", path, **members)

    async def delete_image(self, image: UUID) -> wire.ImageBody:
        """Deletes the record; what the image holds stays until it can't be restored any more."""
        return _read(wire.ImageBody, await self._client.ask("DELETE", f"/api/v1/images/{image}"))

    async def restore_image(self, image: UUID) -> wire.ImageBody:
        """Undoes the deletion."""
        return _read(wire.ImageBody, await self._client.ask("POST", f"/api/v1/images/{image}/restore"))

    async def tags(self, name: ImageName) -> list[str]:
        """All tags of an image, by code point, as the distribution API lists them."""
        await self.image(name)
        tags, path, headers = list[str](), f"/v2/{name}/tags/list", self._client.as_password
        while True:
            query = {"n": str(TAGS_PAGE)} | ({"last": tags[-1]} if tags else {})
            reply = await self._client.exchange("GET", path, params=query, headers=headers)
            tags += reply.content["tags"]
            if len(reply.content["tags"]) < TAGS_PAGE:
                return tags

    async def deleted_tags(self, image: UUID) -> AsyncIterator[DeletedTagBody]:
        """Every tag of the image that the caller can restore, by code point, page after page."""
        query = {"deleted": "true", "limit": str(PAGE)}
        while True:
            page = _read(
                ListDeletedTagsAnswer, await self._client.ask("GET", f"/api/v1/images/{image}/tags", query=query)
            )
            for tag in page.tags:
                yield tag
            if page.cursor is None:
                return
            query = query | {"cursor": page.cursor}

    async def restore_tag(self, image: UUID, tag: str) -> str:
        """Undoes the deletion of a tag; the digest of what it names again."""
        path = f"/api/v1/images/{image}/tags/{quote(tag, safe='')}/restore"
        return _read(RestoredBody, await self._client.ask("POST", path)).digest

    async def create_token(self, spec: wire.TokenSpec, user: str | None) -> wire.CreateTokenAnswer:
        """Mints a personal token for the caller, or for `user` if the operator asks."""
        members = spec.model_dump(mode="json") | ({"user": user} if user else {})
        return await self._ask(wire.CreateTokenAnswer, "POST", "/api/v1/tokens", **members)

    async def tokens(self, user: str | None) -> list[wire.TokenBody]:
        """The caller's tokens, or those of `user` if the operator asks, newest first."""
        query = {"user": user} if user else {}
        return _read(wire.ListTokensAnswer, await self._client.ask("GET", "/api/v1/tokens", query=query)).tokens

    async def revoke_token(self, token: UUID) -> None:
        """Ends a token; it is refused from the next request on."""
        await self._client.ask("DELETE", f"/api/v1/tokens/{token}")

    async def sync_status(self, workspace: str) -> SyncStatus:
        """How current what is known of the workspace is."""
        answer = await self._client.ask("GET", "/api/v1/sync/status", query={"workspace": workspace})
        return _read(SyncStatus, answer)

    async def refresh(self, workspace: str, user: str, repository: str) -> RefreshAnswer:
        """Asks the workspace's source to look again."""
        members = {"workspace": workspace, "user": user, "repository": repository}
        return await self._ask(RefreshAnswer, "POST", "/api/v1/sync/refresh", **members)

    async def check(self, image: ImageName, action: Action) -> wire.CheckAnswer:
        """Whether the caller may do it now."""
        query = {"image": str(image), "action": action.value}
        return _read(wire.CheckAnswer, await self._client.ask("GET", "/api/v1/check", query=query))

    async def audit(self, query: AuditQuery, most: int) -> list[AuditRecord]:
        """The newest decisions that fit and that the caller may read, `most` at most, page after page."""
        records: list[AuditRecord] = []
        more: dict[str, str] = {}
        while len(records) < most:
            limit = {"limit": str(min(most - len(records), AUDIT_PAGE))}
            parameters = query.parameters() | limit | more
            page = _read(ListAuditAnswer, await self._client.ask("GET", "/api/v1/audit", query=parameters))
            records += page.records
            if page.cursor is None:
                break
            more = {"cursor": page.cursor}
        return records

    async def decision(self, decision: UUID) -> AuditRecord:
        """The record behind a decision's id."""
        return _read(AuditRecord, await self._client.ask("GET", f"/api/v1/decisions/{decision}"))

    async def _ask(self, answer: type[Body], method: str, path: str, **members: Any) -> Body:
        return _read(answer, await self._client.ask(method, path, body=members))


def _read(answer: type[Body], content: Any) -> Body:
    try:
        return answer.model_validate(content)
    except ValidationError:
        raise CommandFailed(
            "The registry's answer is not in the form this version knows.",
            "Use the `moorage` command of the registry's own version.",
        ) from None
