"""What the distribution API has no words for: an image as a whole, and a mount that opens no session."""

from aiohttp import web

from moorage.distribution import inside
from moorage.distribution.content import Content
from moorage.distribution.server import answers, query
from moorage.oci.digest import Digest
from moorage.oci.errors import BlobUnknown, NameInvalid
from moorage.storage.http.gate import InternalGate, actor_of, image_of


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

    app.router.add_delete(inside.IMAGE_PATH, delete_image)
    app.router.add_get(inside.IMAGE_PATH, held)
    app.router.add_put(inside.LINK_PATH, link_blob)
