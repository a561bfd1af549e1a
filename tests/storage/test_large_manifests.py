"""Reading a large manifest takes nobody's turn: it is done in a thread, while the loop goes on (R132)."""

import asyncio
from collections.abc import Awaitable
from uuid import uuid4

import pytest

from contracts.samples import CONFIG, described, image_json, index_json, push_blob, push_manifest, some_actor
from contracts.storage_parts import MemoryStorage
from moorage.distribution.content import Content
from moorage.oci.digest import Digest
from moorage.oci.errors import DigestInvalid, ManifestInvalid
from moorage.oci.manifest import MAX_REFERENCES
from moorage.oci.media_types import ManifestType
from moorage.storage import fallback_tag

IMAGE, ACTOR = uuid4(), some_actor()
NOTE = {"annotations": {"note": "x" * 2**20}}


@pytest.fixture
async def content() -> Content:
    """An image with a config, in memory: nothing but a thread lets anybody else have a turn."""
    content = MemoryStorage().content
    await push_blob(content, IMAGE, b"{}", ACTOR)
    return content


async def others_have_turns(work: Awaitable[object]) -> bool:
    """Whether anybody else had one while the work was done."""
    had = asyncio.Event()
    asyncio.get_running_loop().call_soon(had.set)
    await work
    return had.is_set()


@pytest.mark.parametrize("is_large", [False, True], ids=["small", "large"])
async def test_others_have_turns_while_a_large_manifest_is_pushed(content: Content, is_large: bool) -> None:
    """A small one is read quicker than a thread begins."""
    body = image_json(described(b"{}", CONFIG), **NOTE if is_large else {})
    assert await others_have_turns(push_manifest(content, IMAGE, body, ACTOR)) == is_large


@pytest.mark.parametrize("is_large", [False, True], ids=["small", "large"])
async def test_others_have_turns_while_a_large_list_of_referrers_is_read(content: Content, is_large: bool) -> None:
    """The one that an older client keeps as an index under the fallback tag (R35)."""
    subject = Digest.of(b"a subject")
    referrer = image_json(described(b"{}", CONFIG))
    await push_manifest(content, IMAGE, referrer, ACTOR)
    index = index_json(described(referrer, ManifestType.OCI_IMAGE), **NOTE if is_large else {})
    await push_manifest(content, IMAGE, index, ACTOR, fallback_tag.of(subject), ManifestType.OCI_INDEX)
    assert await others_have_turns(content.referrers(IMAGE, subject)) == is_large
    assert [each.digest for each in (await content.referrers(IMAGE, subject)).descriptors] == [Digest.of(referrer)]


async def test_what_is_wrong_with_a_large_manifest_is_found_beside_the_turns_of_others(content: Content) -> None:
    """More references than one may have, which bounds all that is done with them afterwards; another digest."""
    layer = described(b"{}")
    many = image_json(layer, *[layer] * MAX_REFERENCES)

    async def refused() -> None:
        with pytest.raises(ManifestInvalid):
            await push_manifest(content, IMAGE, many, ACTOR)
        with pytest.raises(DigestInvalid):
            await push_manifest(content, IMAGE, image_json(layer, **NOTE), ACTOR, Digest.of(b"another"))

    assert await others_have_turns(refused())
