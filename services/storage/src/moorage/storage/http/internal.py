"""What the distribution API has no words for: an image as a whole, a mount without a session, what is restored."""

from typing import Final

from aiohttp import web

from moorage.distribution import deleted_tags, headers, inside
from moorage.distribution.content import Content
from moorage.distribution.server import answers, query
from moorage.oci.digest import Digest
from moorage.oci.errors import BlobUnknown, NameInvalid
from moorage.oci.reference import Tag
from moorage.storage.http.gate import InternalGate, actor_of, image_of

_PAGE: Final = 1000


def add_internal(app: web.Application, gate: InternalGate, content: Content) -> None:
    """Adds the paths that moorage.distribution.inside names."""

    async def delete_image(request: web.Request) -> web.Response:
        """204 also for an image that holds nothing: done twice is done once."""
        gate.authenticate(request)
        await content.delete_image(image_of(request.match_info["image"]))
        return answers.empty(204)

    async def held(request: web.Request) -> web.Response:
        """What the image holds, in a word, as JSON."""
        gate.authenticate(request)
        return web.json_response({inside.HELD: await content.held(image_of(request.match_info["image"]))})

    async def link_blob(request: web.Request) -> web.Response:
        """201 if the source holds the blob, else 404 BLOB_UNKNOWN and nothing has changed."""
        gate.authenticate(request)
        digest, source = Digest.parse(request.match_info["digest"]), query.text(request, "from")
        if source is None:
            raise NameInvalid("a blob is linked from another image: add ?from=<uuid>")
        target = image_of(request.match_info["image"])
        if not await content.mount_blob(image_of(source), target, digest, actor_of(request)):
            raise BlobUnknown("the source does not hold this blob")
        return answers.empty(201)

    async def list_deleted_tags(request: web.Request) -> web.Response:
        """One page, by code point."""
        gate.authenticate(request)
        n, last = query.page_size(request, _PAGE, _PAGE), query.printable(request, "last") or ""
        page = await content.deleted_tags(image_of(request.match_info["image"]), n, last)
        return web.json_response(deleted_tags.document(page))

    async def restore_tag(request: web.Request) -> web.Response:
        """204 with the digest that the tag names again."""
        gate.authenticate(request)
        image, tag = image_of(request.match_info["image"]), Tag.parse(request.match_info["tag"])
        digest = await content.restore_tag(image, tag, actor_of(request))
        return answers.empty(204, {headers.CONTENT_DIGEST: str(digest)})

    async def restore_manifest(request: web.Request) -> web.Response:
        """204 also for a manifest that is there: done twice is done once."""
        gate.authenticate(request)
        image, digest = image_of(request.match_info["image"]), Digest.parse(request.match_info["digest"])
        await content.restore_manifest(image, digest, actor_of(request))
        return answers.empty(204)

    app.router.add_get(inside.DELETED_TAGS_PATH, list_deleted_tags)
    app.router.add_post(inside.RESTORE_TAG_PATH, restore_tag)
    app.router.add_post(inside.RESTORE_MANIFEST_PATH, restore_manifest)
    app.router.add_delete(inside.IMAGE_PATH, delete_image)
    app.router.add_get(inside.IMAGE_PATH, held)
    app.router.add_put(inside.LINK_PATH, link_blob)
