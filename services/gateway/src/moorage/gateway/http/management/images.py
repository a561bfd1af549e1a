"""`/api/v1/images`: image records."""

from typing import Final
from uuid import UUID

from pydantic import Field

from moorage.access import deletion_wire, wire
from moorage.access.image import PushPolicy, Visibility
from moorage.access.problems import AlreadyExists, Forbidden, InputInvalid, NotFound
from moorage.gateway.http.management.api import ManagementApi
from moorage.gateway.http.management.operation import ROOT, Reply, operation
from moorage.gateway.http.management.reading import RequestBody
from moorage.gateway.http.management.settings import ImageSettings
from moorage.oci.reference import ImageName

_ADMIN: Final = "ADMIN on the linked repository"
ImageReply = Reply[wire.ImageBody]


class NewImage(RequestBody):
    """The body of a creation; `repository` is a UUID or a slug."""

    name: str = Field(max_length=255, examples=["acme/hello/web"])
    repository: str = Field(min_length=1, max_length=255, examples=["hello"])


class VisibilitySetting(RequestBody):
    """The body of a change of visibility."""

    visibility: Visibility


class PushPolicySetting(RequestBody):
    """The body of a change of push policy."""

    push_policy: PushPolicy


class RepositorySetting(RequestBody):
    """The body of a relink; without a visibility it goes back to `inherit`."""

    repository: str = Field(min_length=1, max_length=255)
    visibility: Visibility | None = None


class ImageQuery(RequestBody):
    """What a list is asked for: the images of a workspace, those that were deleted there, or the one of this name."""

    workspace: str | None = Field(default=None, max_length=255)
    name: str | None = Field(default=None, max_length=255)
    deleted: bool = False
    cursor: str | None = Field(default=None, max_length=512)
    limit: int = Field(default=100, ge=1, le=1000)


class Images:
    """The resource."""

    def __init__(self, api: ManagementApi) -> None:
        self._api = api

    @operation(
        "POST",
        "/images",
        "createImage",
        needs="ADMIN on the repository",
        status=201,
        problems=(Forbidden, NotFound, AlreadyExists),
        headers=("Location",),
    )
    async def create(self, who: wire.IdentityBody, body: NewImage) -> ImageReply:
        """Creates an image record, linked to a repository of its workspace."""
        name = _name(body.name)
        image = await self._api.authority.create_image(
            wire.CreateImageRequest(
                identity=who, workspace=name.workspace, image=name.image, repository=body.repository
            )
        )
        changed = await self._changed(image)
        return Reply(image, {"Location": f"{ROOT}/images/{image.id}", **changed.headers})

    @operation("GET", "/images", "listImages", needs="READ for each", anonymous=True, problems=(NotFound,))
    async def list(self, who: wire.IdentityBody, query: ImageQuery) -> Reply[wire.ListImagesAnswer]:
        """Lists a workspace's images that who asks may pull, or finds the image of one name.

        With `deleted`, instead, those that were deleted and that who asks can restore.
        """
        if (query.workspace is None) == (query.name is None):
            raise InputInvalid("ask for one workspace, or for one name", errors=[])
        if query.deleted:
            return Reply(await self._deleted(who, query))
        if query.name is not None:
            return Reply(await self._named(who, _name(query.name)))
        wanted = wire.ListImagesRequest(
            identity=who, workspace=query.workspace or "", cursor=query.cursor, limit=query.limit
        )
        return Reply(await self._api.authority.list_images(wanted))

    @operation("GET", "/images/{id}", "getImage", needs="READ", anonymous=True)
    async def show(self, who: wire.IdentityBody, id: UUID) -> ImageReply:
        """Shows an image record."""
        return Reply(await self._api.authority.find_image(wire.FindImageRequest(identity=who, id=id)))

    @operation("PATCH", "/images/{id}", "setImage", needs=_ADMIN, problems=(Forbidden,))
    async def set(self, who: wire.IdentityBody, id: UUID, body: ImageSettings) -> ImageReply:
        """Sets what is given, as one change; the rest stays."""
        return await self._set(wire.SetImageRequest(identity=who, id=id, **body.given()))

    @operation("PUT", "/images/{id}/visibility", "setImageVisibility", needs=_ADMIN, problems=(Forbidden,))
    async def set_visibility(self, who: wire.IdentityBody, id: UUID, body: VisibilitySetting) -> ImageReply:
        """Sets who may pull beside the readers of the repository."""
        return await self._set(wire.SetImageRequest(identity=who, id=id, visibility=body.visibility))

    @operation("PUT", "/images/{id}/push-policy", "setImagePushPolicy", needs=_ADMIN, problems=(Forbidden,))
    async def set_push_policy(self, who: wire.IdentityBody, id: UUID, body: PushPolicySetting) -> ImageReply:
        """Sets who may push among those with WRITE on the repository."""
        return await self._set(wire.SetImageRequest(identity=who, id=id, push_policy=body.push_policy))

    @operation(
        "PUT", "/images/{id}/repository", "relinkImage", needs="ADMIN on both repositories", problems=(Forbidden,)
    )
    async def relink(self, who: wire.IdentityBody, id: UUID, body: RepositorySetting) -> ImageReply:
        """Links the image to another repository of its workspace, as one change.

        From then on the roles on that repository count. Uploads that are open end.
        """
        wanted = wire.RelinkImageRequest(identity=who, id=id, repository=body.repository, visibility=body.visibility)
        return await self._changed(await self._api.authority.relink_image(wanted))

    @operation("DELETE", "/images/{id}", "deleteImage", needs=_ADMIN, problems=(Forbidden,))
    async def delete(self, who: wire.IdentityBody, id: UUID) -> ImageReply:
        """Deletes the image with all that it holds; the answer is the record as it was deleted.

        Its name is free at once, and until `restorable_until` it can be restored.
        """
        return await self._changed(await self._api.authority.delete_image(wire.DeleteImageRequest(identity=who, id=id)))

    @operation("POST", "/images/{id}/restore", "restoreImage", needs=_ADMIN, problems=(Forbidden, AlreadyExists))
    async def restore(self, who: wire.IdentityBody, id: UUID) -> ImageReply:
        """Undoes a deletion: the same image again, with all that it held."""
        undoing = deletion_wire.RestoreImageRequest(identity=who, id=id)
        return await self._changed(await self._api.authority.restore_image(undoing))

    async def _deleted(self, who: wire.IdentityBody, query: ImageQuery) -> wire.ListImagesAnswer:
        if query.workspace is None:
            raise InputInvalid("deleted images are listed by workspace: their names may be others' by now", errors=[])
        asked = deletion_wire.ListDeletedImagesRequest(
            identity=who, workspace=query.workspace, cursor=query.cursor, limit=query.limit
        )
        return await self._api.authority.list_deleted_images(asked)

    async def _named(self, who: wire.IdentityBody, name: ImageName) -> wire.ListImagesAnswer:
        find = wire.FindImageRequest(identity=who, workspace=name.workspace, image=name.image)
        try:
            image = await self._api.authority.find_image(find)
        except NotFound:
            return wire.ListImagesAnswer(images=[], token=self._api.position())
        return wire.ListImagesAnswer(images=[image], token=image.token or self._api.position())

    async def _set(self, change: wire.SetImageRequest) -> ImageReply:
        return await self._changed(await self._api.authority.set_image(change))

    async def _changed(self, image: wire.ImageBody) -> ImageReply:
        return Reply(image, await self._api.applied(image, image.token))


def _name(text: str) -> ImageName:
    name = ImageName.parse(text)
    if not name.image:
        raise InputInvalid(
            "an image name is <workspace>/<image>", errors=[{"at": "name", "message": "has one component only"}]
        )
    return name
