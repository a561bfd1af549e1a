"""`/api/v1/images/{id}/tags` and `…/manifests`: what was deleted from an image, and how it comes back.

Deletion is the distribution API's; here it is undone, by whoever may delete (authorization.md §1.5).
"""

from aiohttp import web
from pydantic import Field
from yarl import URL

from moorage.access.action import Action
from moorage.access.content_wire import DeletedTagBody, ListDeletedTagsAnswer, RestoredBody
from moorage.access.problems import AlreadyExists, InputInvalid, NotFound
from moorage.access.wire import FindImageRequest, ImageBody
from moorage.distribution.content import Actor, Content, DeletedTag
from moorage.distribution.headers import DECISION_ID
from moorage.gateway.access import Access
from moorage.gateway.audit import Asked, Audit
from moorage.gateway.http.management.api import ManagementApi, RequestBody, answer, path_id, read_query
from moorage.gateway.http.management.refusals import refused
from moorage.gateway.http.via import via
from moorage.oci.digest import Digest
from moorage.oci.errors import DigestInvalid, ManifestBlobUnknown, ManifestUnknown, TagTaken
from moorage.oci.reference import ImageName, Tag


class DeletedTagsQuery(RequestBody):
    """Which page; only deleted ones are listed here, all others by the distribution API."""

    deleted: bool
    cursor: str | None = Field(default=None, max_length=128)
    limit: int = Field(default=100, ge=1, le=1000)


class DeletedContent:
    """The resource."""

    def __init__(self, api: ManagementApi, access: Access, audit: Audit, content: Content) -> None:
        self._api = api
        self._access = access
        self._audit = audit
        self._content = content

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_get("/api/v1/images/{id}/tags", self.list)
        app.router.add_post("/api/v1/images/{id}/tags/{tag}/restore", self.restore_tag)
        app.router.add_post("/api/v1/images/{id}/manifests/{digest}/restore", self.restore_manifest)

    async def list(self, request: web.Request) -> web.Response:
        """One page of the deleted tags that can be restored, by code point."""
        query = read_query(request, DeletedTagsQuery)
        if not query.deleted:
            raise InputInvalid("tags are listed by the distribution API: /v2/<name>/tags/list", errors=[])
        image, _, decision = await self._admitted(request, Action.DELETE_TAG)
        page = await self._content.deleted_tags(image.id, query.limit, query.cursor or "")
        cursor = page.tags[-1].tag.text if page.more else None
        body = ListDeletedTagsAnswer(tags=[_body(tag) for tag in page.tags], cursor=cursor)
        return answer(body, headers={**decision, **_next_link(image, query, cursor)})

    async def restore_tag(self, request: web.Request) -> web.Response:
        """What the tag names again."""
        tag = Tag.parse(request.match_info["tag"])
        image, actor, decision = await self._admitted(request, Action.DELETE_TAG)
        try:
            digest = await self._content.restore_tag(image.id, tag, actor)
        except TagTaken as error:
            raise AlreadyExists(f"{error.message}; delete that one to restore the former") from None
        except (ManifestUnknown, ManifestBlobUnknown) as error:
            raise NotFound(error.message) from None
        return answer(RestoredBody(image=image.name, tag=tag.text, digest=str(digest)), headers=decision)

    async def restore_manifest(self, request: web.Request) -> web.Response:
        """The manifest is there again; its tags are restored one by one."""
        digest = _digest(request.match_info["digest"])
        image, actor, decision = await self._admitted(request, Action.DELETE)
        try:
            await self._content.restore_manifest(image.id, digest, actor)
        except (ManifestUnknown, ManifestBlobUnknown) as error:
            raise NotFound(error.message) from None
        return answer(RestoredBody(image=image.name, digest=str(digest)), headers=decision)

    async def _admitted(self, request: web.Request, action: Action) -> tuple[ImageBody, Actor, dict[str, str]]:
        """The image of the id in the path, who acts, and the header that names the decision. Raises a Problem."""
        identity = await self._api.somebody(request)
        image = await self._api.authority.find_image(FindImageRequest(identity=identity, id=path_id(request)))
        name = ImageName.parse(image.name)
        outcome = await self._access.decide_at_head(identity.value(), name, action)
        decision = self._audit.note(Asked(identity.value(), name, action, via(request)), outcome)
        if not outcome.allowed:
            raise refused(outcome, name, action, decision)
        if outcome.image is None or outcome.image.id != image.id:
            raise NotFound("another image has got this name just now; try again")
        principal, link_gen = str(identity.value().principal), outcome.image.link_gen
        actor = Actor(principal, link_gen, str(outcome.decision.token))
        return image, actor, {DECISION_ID: str(decision)}


def _digest(text: str) -> Digest:
    try:
        return Digest.parse(text)
    except DigestInvalid as error:
        raise InputInvalid(error.message, errors=[{"at": "digest", "message": error.message}]) from None


def _body(tag: DeletedTag) -> DeletedTagBody:
    return DeletedTagBody(
        name=tag.tag.text,
        digest=str(tag.digest),
        deleted_at=tag.deleted_at,
        deleted_by=tag.deleted_by,
        restorable_until=tag.restorable_until,
    )


def _next_link(image: ImageBody, query: DeletedTagsQuery, cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    asked = {"deleted": "true", "limit": str(query.limit), "cursor": cursor}
    return {"Link": f'<{URL.build(path=f"/api/v1/images/{image.id}/tags", query=asked)}>; rel="next"'}
