"""Small reads: of a random one of so many images or blobs."""

import random
import time
from collections.abc import Sequence

from bench.client import Client
from bench.content import LAYER_BYTES, LAYERS, SMALL_BYTES, Image
from bench.engine.message import Request, Script
from bench.load import Load
from bench.names import PULL
from bench.sample import Sample
from bench.workloads.loops import Choices, closed, paced
from bench.workloads.seeding import seed_pull


def ping(load: Load) -> Sample:
    """GET /v2/ with a token."""
    return closed(load, lambda client: [client.ping()])


def manifest_head_tag(load: Load) -> Sample:
    """HEAD of a manifest by tag."""
    seed_pull(load)
    return closed(load, by_tag(load, "HEAD"))


def manifest_get_tag(load: Load) -> Sample:
    """GET of a manifest by tag."""
    seed_pull(load)
    return closed(load, by_tag(load, "GET"))


def manifest_get_digest(load: Load) -> Sample:
    """GET of a manifest by digest."""
    seed_pull(load)
    images = load.content.images
    return closed(load, lambda client: [client.manifest("GET", PULL, image.digest, image) for image in images])


def manifest_get_paced(load: Load) -> Sample:
    """GET of a manifest by tag at a rate that is the same for all."""
    seed_pull(load)
    return paced(load, by_tag(load, "GET"))


def agree_on_rate(loads: Sequence[Load]) -> None:
    """Half of what the slowest of them does in a closed loop, for `manifest_get_paced`."""
    rates = list[float]()
    for load in loads:
        seed_pull(load)
        rates.append(closed(load, by_tag(load, "GET"), seconds=load.sizes.seconds / 2).per_second)
    for load in loads:
        load.rate = min(rates) / 2


def by_tag(load: Load, method: str) -> Choices:
    """Every image by its tag."""
    return lambda client: [client.manifest(method, PULL, image.tag, image) for image in load.content.images]


def blob_head(load: Load) -> Sample:
    """HEAD of a blob of 2 KiB."""
    seed_pull(load)
    return closed(load, _small_blobs(load, "HEAD"))


def blob_get_small(load: Load) -> Sample:
    """GET of a blob of 2 KiB."""
    seed_pull(load)
    return closed(load, _small_blobs(load, "GET"), SMALL_BYTES)


def _small_blobs(load: Load, method: str) -> Choices:
    return lambda client: [client.blob(method, PULL, blob.digest, SMALL_BYTES) for blob in load.content.small]


def pull_image(load: Load) -> Sample:
    """Manifest by tag, then config and three layers of 100 KiB: five requests."""
    seed_pull(load)
    laps = list[int]()
    scripts = [_pulls(load, load.client(number), laps) for number in range(load.sizes.connections)]
    return load.measure(scripts, laps, LAYERS * LAYER_BYTES)


def _pulls(load: Load, client: Client, laps: list[int]) -> Script:
    images = [_requests(client, image) for image in load.content.images]
    end = time.perf_counter() + load.sizes.seconds
    while time.perf_counter() < end:
        since = time.perf_counter_ns()
        for request in random.choice(images):  # noqa: UP028 (a list takes no answers, as yield from would send)
            yield request
        laps.append(time.perf_counter_ns() - since)


def _requests(client: Client, image: Image) -> list[Request]:
    blobs = [client.blob("GET", PULL, blob.digest, len(blob.data)) for blob in image.blobs]
    return [client.manifest("GET", PULL, image.tag, image), *blobs]
