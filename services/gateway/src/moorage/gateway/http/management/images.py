"""`/api/v1/images`: image records."""

from aiohttp import web
from pydantic import Field
from yarl import URL

from moorage.access import deletion_wire, wire
from moorage.access.image import PushPolicy, Visibility
from moorage.access.problems import InputInvalid, NotFound
from moorage.gateway.http.management.api import ManagementApi, RequestBody, answer, path_id, read_body, read_query
from moorage.gateway.http.management.settings import ImageSettings
from moorage.oci.reference import ImageName


class NewImage(RequestBody):
    """The body of a creation; `repository` is a UUID or a slug."""

    name: str = Field(max_length=255)
    repository: str = Field(min_length=1, max_length=255)


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

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_post("/api/v1/images", self.create)
        app.router.add_get("/api/v1/images", self.list)
        app.router.add_get("/api/v1/images/{id}", self.show)
        app.router.add_patch("/api/v1/images/{id}", self.set)
        app.router.add_put("/api/v1/images/{id}/visibility", self.set_visibility)
        app.router.add_put("/api/v1/images/{id}/push-policy", self.set_push_policy)
        app.router.add_put("/api/v1/images/{id}/repository", self.relink)
        app.router.add_delete("/api/v1/images/{id}", self.delete)
        app.router.add_post("/api/v1/images/{id}/restore", self.restore)

    async def create(self, request: web.Request) -> web.Response:
        """201 with the record and its Location."""
        identity = await self._api.somebody(request)
        body = await read_body(request, NewImage)
        name = _name(body.name)
        image = await self._api.authority.create_image(
            wire.CreateImageRequest(
                identity=identity, workspace=name.workspace, image=name.image, repository=body.repository
            )
        )
        return await self._changed(image, 201, {"Location": f"/api/v1/images/{image.id}"})

    async def list(self, request: web.Request) -> web.Response:
        """One page of a workspace's images that the caller may pull, or the image of one name, if there is one.

        With `deleted`, instead, a page of those that the caller can restore.
        """
        identity = await self._api.caller(request)
        query = read_query(request, ImageQuery)
        if (query.workspace is None) == (query.name is None):
            raise InputInvalid("ask for one workspace, or for one name", errors=[])
        if query.deleted:
            return await self._deleted(identity, query)
        if query.name is not None:
            return answer(await self._named(identity, _name(query.name)))
        page = await self._api.authority.list_images(
            wire.ListImagesRequest(
                identity=identity, workspace=query.workspace or "", cursor=query.cursor, limit=query.limit
            )
        )
        return answer(page, headers=_next_link(query, page.cursor))

    async def show(self, request: web.Request) -> web.Response:
        """The record."""
        identity = await self._api.caller(request)
        image = await self._api.authority.find_image(wire.FindImageRequest(identity=identity, id=path_id(request)))
        return answer(image, headers=_etag(image))

    async def set(self, request: web.Request) -> web.Response:
        """The record after all that is given has changed, as one change."""
        identity, image = await self._api.somebody(request), path_id(request)
        body = await read_body(request, ImageSettings)
        return await self._set(wire.SetImageRequest(identity=identity, id=image, **body.given()))

    async def set_visibility(self, request: web.Request) -> web.Response:
        """The record after the change."""
        identity, image = await self._api.somebody(request), path_id(request)
        body = await read_body(request, VisibilitySetting)
        return await self._set(wire.SetImageRequest(identity=identity, id=image, visibility=body.visibility))

    async def set_push_policy(self, request: web.Request) -> web.Response:
        """The record after the change."""
        identity, image = await self._api.somebody(request), path_id(request)
        body = await read_body(request, PushPolicySetting)
        return await self._set(wire.SetImageRequest(identity=identity, id=image, push_policy=body.push_policy))

    async def relink(self, request: web.Request) -> web.Response:
        """The record, linked elsewhere."""
        identity, image = await self._api.somebody(request), path_id(request)
        body = await read_body(request, RepositorySetting)
        relink = wire.RelinkImageRequest(
            identity=identity, id=image, repository=body.repository, visibility=body.visibility
        )
        return await self._changed(await self._api.authority.relink_image(relink))

    async def delete(self, request: web.Request) -> web.Response:
        """The record as it was deleted: its name is free, and until `restorable_until` it can be restored."""
        identity, image = await self._api.somebody(request), path_id(request)
        deletion = wire.DeleteImageRequest(identity=identity, id=image)
        return await self._changed(await self._api.authority.delete_image(deletion))

    async def restore(self, request: web.Request) -> web.Response:
        """The record, with all that it held when it was deleted."""
        identity, image = await self._api.somebody(request), path_id(request)
        undoing = deletion_wire.RestoreImageRequest(identity=identity, id=image)
        return await self._changed(await self._api.authority.restore_image(undoing))

    async def _deleted(self, identity: wire.IdentityBody, query: ImageQuery) -> web.Response:
        if query.workspace is None:
            raise InputInvalid("deleted images are listed by workspace: their names may be others' by now", errors=[])
        asked = deletion_wire.ListDeletedImagesRequest(
            identity=identity, workspace=query.workspace, cursor=query.cursor, limit=query.limit
        )
        page = await self._api.authority.list_deleted_images(asked)
        return answer(page, headers=_next_link(query, page.cursor))

    async def _named(self, identity: wire.IdentityBody, name: ImageName) -> wire.ListImagesAnswer:
        find = wire.FindImageRequest(identity=identity, workspace=name.workspace, image=name.image)
        try:
            image = await self._api.authority.find_image(find)
        except NotFound:
            return wire.ListImagesAnswer(images=[], token=self._api.position())
        return wire.ListImagesAnswer(images=[image], token=image.token or self._api.position())

    async def _set(self, change: wire.SetImageRequest) -> web.Response:
        return await self._changed(await self._api.authority.set_image(change))

    async def _changed(
        self, image: wire.ImageBody, status: int = 200, headers: dict[str, str] | None = None
    ) -> web.Response:
        position = await self._api.applied(image, image.token)
        return answer(image, status, {**_etag(image), **position, **(headers or {})})


def _name(text: str) -> ImageName:
    name = ImageName.parse(text)
    if not name.image:
        raise InputInvalid(
            "an image name is <workspace>/<image>", errors=[{"at": "name", "message": "has one component only"}]
        )
    return name


def _etag(image: wire.ImageBody) -> dict[str, str]:
    return {"ETag": f'"{image.acl_seq}"'}


def _next_link(query: ImageQuery, cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    asked = {"workspace": query.workspace or "", "limit": str(query.limit), "cursor": cursor}
    url = URL.build(path="/api/v1/images", query=asked | ({"deleted": "true"} if query.deleted else {}))
    return {"Link": f'<{url}>; rel="next"'}
