"""What has to be there before reads are measured; untimed, once for each target."""

from collections.abc import Iterable, Sequence
from typing import Final

from bench.client import Client
from bench.engine.message import FileBody, Script
from bench.load import Load
from bench.names import PULL, TAGS
from bench.sizes import MIB

_AT_ONCE: Final = 4
_TAGS_PER_TOKEN: Final = 1_000
"""A bearer token may not outlive the pushing of all of them."""


def seed_pull(load: Load) -> None:
    """The images and small blobs that reads pick from."""
    if load.first("pull"):
        images = [load.client().push_image(PULL, image) for image in load.content.images]
        load.run(images[:1])  # the others find its layers there
        load.run(lanes([*images[1:], *(load.client().push_blob(PULL, blob) for blob in load.content.small)]))


def seed_large(load: Load) -> str:
    """One large blob; its digest."""
    size, large = load.sizes.large_mib * MIB, load.content.large
    digest = large.digest(size)
    if load.first("large"):
        location = load.ask(lambda client: client.start(PULL)).header("location")
        body = FileBody(large.number, 0, size)
        load.ask(lambda client: client.finish(location, digest, body))
    return digest


def tag_name(number: int) -> str:
    """They sort as they are numbered."""
    return f"t{number:06d}"


def seed_tags(load: Load) -> None:
    """So many tags of one image, in an image of their own."""
    if not load.first("tags"):
        return
    load.run([load.client().push_image(TAGS, load.content.tagged)])
    for start in range(0, load.sizes.tags, _TAGS_PER_TOKEN):
        load.renew()
        numbers = range(start, min(start + _TAGS_PER_TOKEN, load.sizes.tags))
        load.run([_tags(load, load.client(lane), numbers[lane::_AT_ONCE]) for lane in range(_AT_ONCE)])


def _tags(load: Load, client: Client, numbers: Sequence[int]) -> Script:
    for number in numbers:
        yield client.put_manifest(TAGS, tag_name(number), load.content.tagged)


def lanes(scripts: Iterable[Script]) -> list[Script]:
    """Many short scripts as a few long ones, to be run at once."""
    shared = iter(list(scripts))
    return [_in_turn(shared) for _ in range(_AT_ONCE)]


def _in_turn(scripts: Iterable[Script]) -> Script:
    for script in scripts:
        yield from script
