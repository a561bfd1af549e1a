"""`/api/v1/images/{id}/tags` and `…/manifests`: what was deleted from an image, and how it comes back.

Deletion is the distribution API's; here it is undone, by whoever may delete and push (authorization.md §1.5).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from pydantic import Field

from moorage.access.action import Action
from moorage.access.audit import Deed
from moorage.access.content_wire import DeletedTagBody, ListDeletedTagsAnswer, RestoredBody
from moorage.access.problems import AlreadyExists, Forbidden, InputInvalid, NotFound
from moorage.access.wire import FindImageRequest, IdentityBody, ImageBody
from moorage.distribution.content import Actor, DeletedTag
from moorage.distribution.headers import DECISION_ID
from moorage.gateway.audit import Asked
from moorage.gateway.http.management.api import ManagementApi
from moorage.gateway.http.management.operation import Reply, operation
from moorage.gateway.http.management.reading import RequestBody
from moorage.gateway.http.management.refusals import refused
from moorage.oci.digest import Digest
from moorage.oci.errors import DigestInvalid, ManifestBlobUnknown, ManifestUnknown, TagTaken
from moorage.oci.reference import ImageName, Tag

_WHO_DELETES_TAGS: Final = "WRITE on the linked repository"


class DeletedTagsQuery(RequestBody):
    """Which page; only deleted ones are listed here, all others by the distribution API."""

    deleted: bool
    cursor: str | None = Field(default=None, pattern=r"^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$")
    limit: int = Field(default=100, ge=1, le=1000)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who wants which deed done to an image, and to what of it."""

    who: IdentityBody
    image: UUID
    deed: Deed
    about: Mapping[str, str] = field(default_factory=dict)

    def asked(self, name: ImageName, action: Action) -> Asked:
        """For the trail, with the right that was judged."""
        assert self.who.via is not None  # whoever asks the management API does so by a request
        return Asked(self.who.value(), name, action, self.who.via, self.deed, self.about)


class DeletedContent:
    """The resource."""

    def __init__(self, api: ManagementApi) -> None:
        self._api = api

    @operation(
        "GET",
        "/images/{id}/tags",
        "listDeletedTags",
        needs=_WHO_DELETES_TAGS,
        problems=(Forbidden,),
        headers=(DECISION_ID,),
    )
    async def list(self, who: IdentityBody, id: UUID, query: DeletedTagsQuery) -> Reply[ListDeletedTagsAnswer]:
        """Lists the deleted tags that can be restored, by code point.

        Tags that are there are listed by the distribution API.
        """
        if not query.deleted:
            raise InputInvalid("tags are listed by the distribution API: /v2/<name>/tags/list", errors=[])
        image, _, decision = await self._admitted(Wanted(who, id, Deed.LIST_DELETED_TAGS), Action.DELETE_TAG)
        page = await self._api.content.deleted_tags(image.id, query.limit, query.cursor or "")
        cursor = page.tags[-1].tag.text if page.more else None
        return Reply(ListDeletedTagsAnswer(tags=[_body(tag) for tag in page.tags], cursor=cursor), decision)

    @operation(
        "POST",
        "/images/{id}/tags/{tag}/restore",
        "restoreTag",
        needs=_WHO_DELETES_TAGS,
        problems=(Forbidden, AlreadyExists),
        headers=(DECISION_ID,),
    )
    async def restore_tag(self, who: IdentityBody, id: UUID, tag: str) -> Reply[RestoredBody]:
        """Undoes the deletion of a tag, and of the manifest that it named.

        It takes away what the deletion did and puts content there again: who may delete and push may do both.
        """
        wanted = Tag.parse(tag)
        undoing = Wanted(who, id, Deed.RESTORE_TAG, {"tag": wanted.text})
        image, actor, decision = await self._admitted(undoing, Action.DELETE_TAG, Action.PUSH)
        try:
            digest = await self._api.content.restore_tag(image.id, wanted, actor)
        except TagTaken as error:
            raise AlreadyExists(f"{error.message}; delete that one to restore the former") from None
        except (ManifestUnknown, ManifestBlobUnknown) as error:
            raise NotFound(error.message) from None
        return Reply(RestoredBody(image=image.name, tag=wanted.text, digest=str(digest)), decision)

    @operation(
        "POST",
        "/images/{id}/manifests/{digest}/restore",
        "restoreManifest",
        needs="ADMIN on the linked repository",
        problems=(Forbidden,),
        headers=(DECISION_ID,),
    )
    async def restore_manifest(self, who: IdentityBody, id: UUID, digest: str) -> Reply[RestoredBody]:
        """Undoes the deletion of a manifest; its tags are restored one by one."""
        wanted = _digest(digest)
        undoing = Wanted(who, id, Deed.RESTORE_MANIFEST, {"digest": str(wanted)})
        image, actor, decision = await self._admitted(undoing, Action.DELETE, Action.PUSH)
        try:
            await self._api.content.restore_manifest(image.id, wanted, actor)
        except (ManifestUnknown, ManifestBlobUnknown) as error:
            raise NotFound(error.message) from None
        return Reply(RestoredBody(image=image.name, digest=str(wanted)), decision)

    async def _admitted(self, wanted: Wanted, *actions: Action) -> tuple[ImageBody, Actor, dict[str, str]]:
        """The image, who acts, and the header that names the decision. Raises a Problem.

        Whoever may do all of the actions may: the first that is denied decides, else the last.
        """
        image = await self._api.authority.find_image(FindImageRequest(identity=wanted.who, id=wanted.image))
        identity, name = wanted.who.value(), ImageName.parse(image.name)
        for action in actions:
            outcome = await self._api.access.decide_at_head(identity, name, action)
            if not outcome.allowed:
                break
        decision = self._api.audit.note(wanted.asked(name, action), outcome)
        if not outcome.allowed:
            raise refused(outcome, name, action, decision)
        if outcome.image is None or outcome.image.id != image.id:
            raise NotFound("another image has got this name just now; try again")
        actor = Actor(str(identity.principal), outcome.image.link_gen, str(outcome.decision.token))
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
