"""Small content for contract tests: streams, blobs, manifests."""

import json
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

from moorage.distribution.content import Actor, Chunk, Content, ManifestPush
from moorage.oci.descriptor import Descriptor
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.media_types import ManifestType
from moorage.oci.reference import Reference, Tag

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"


def some_actor(link_gen: int = 1, token: str = "zt1.1.1") -> Actor:
    """A publisher nobody has heard of before."""
    return Actor(f"user:{uuid4()}", link_gen, token)


async def stream(*pieces: bytes) -> AsyncIterator[bytes]:
    """A body that arrives in these pieces."""
    for piece in pieces:
        yield piece


def chunk(*pieces: bytes) -> Chunk:
    """A chunk of which the client says nothing."""
    return Chunk(stream(*pieces))


def described(content: bytes, media_type: str = LAYER) -> Descriptor:
    """The descriptor of some bytes."""
    return Descriptor(media_type, Digest.of(content), len(content))


def descriptor_json(descriptor: Descriptor) -> dict[str, object]:
    """A descriptor as a manifest spells it."""
    return {"mediaType": descriptor.media_type, "digest": str(descriptor.digest), "size": descriptor.size}


def image_json(config: Descriptor, *layers: Descriptor, **members: object) -> bytes:
    """An OCI image manifest."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": ManifestType.OCI_IMAGE,
            "config": descriptor_json(config),
            "layers": [descriptor_json(layer) for layer in layers],
            **members,
        }
    ).encode()


def index_json(*manifests: Descriptor, **members: object) -> bytes:
    """An OCI index."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": ManifestType.OCI_INDEX,
            "manifests": [descriptor_json(manifest) for manifest in manifests],
            **members,
        }
    ).encode()


async def push_blob(
    content: Content,
    image: UUID,
    data: bytes,
    actor: Actor,
    algorithm: DigestAlgorithm = DigestAlgorithm.SHA256,
) -> Digest:
    """Uploads a blob by the closing request alone."""
    digest = Digest.of(data, algorithm)
    session = await content.start_upload(image, actor, algorithm)
    await content.finish_upload(image, session.id, actor, digest, chunk(data))
    return digest


async def push_manifest(
    content: Content,
    image: UUID,
    body: bytes,
    actor: Actor,
    reference: Reference | None = None,
    media_type: str = ManifestType.OCI_IMAGE,
) -> Digest:
    """Puts a manifest under a tag or its digest."""
    push = ManifestPush(reference or Digest.of(body), media_type, body)
    return (await content.put_manifest(image, push, actor)).digest


async def push_image(content: Content, image: UUID, actor: Actor, name: str, **members: object) -> Descriptor:
    """An image of one config and one layer under a tag; `name` makes its bytes its own."""
    config, layer = b"{}", f"layer of {name}".encode()
    for blob in (config, layer):
        await push_blob(content, image, blob, actor)
    body = image_json(described(config, CONFIG), described(layer), **members)
    await push_manifest(content, image, body, actor, Tag(name))
    return described(body, ManifestType.OCI_IMAGE)


async def read_all(body: AsyncIterator[bytes]) -> bytes:
    """All bytes of a stream."""
    return b"".join([block async for block in body])
