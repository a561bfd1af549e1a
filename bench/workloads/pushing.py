"""Pushes of whole images, and mounts."""

import os
import time
from collections.abc import Callable
from typing import Final

from bench.client import Client
from bench.content import LAYER_BYTES, LAYERS, Blob, image
from bench.engine.message import Script
from bench.load import Load
from bench.names import MOUNT_FROM, MOUNT_TO, PUSH
from bench.sample import Sample
from bench.sizes import KIB
from bench.workloads.seeding import lanes

_STAMP_BYTES: Final = 32
_MOUNTERS: Final = 8


def push_image(connections: int) -> Callable[[Load], Sample]:
    """New images of three layers of 100 KiB: 17 requests (`Client.push_image`)."""

    def push(load: Load) -> Sample:
        laps = list[int]()
        scripts = [_pushes(load, load.client(number), laps) for number in range(connections)]
        return load.measure(scripts, laps, LAYERS * LAYER_BYTES)

    return push


def _pushes(load: Load, client: Client, laps: list[int]) -> Script:
    end = time.perf_counter() + load.sizes.seconds
    base = load.content.layer_base[_STAMP_BYTES:]
    while time.perf_counter() < end:
        layers = [Blob.of(os.urandom(_STAMP_BYTES) + base) for _ in range(LAYERS)]
        new = image(f"p-{os.urandom(8).hex()}", layers)
        since = time.perf_counter_ns()
        yield from client.push_image(PUSH, new)
        laps.append(time.perf_counter_ns() - since)


def mount(load: Load) -> Sample:
    """Mounts of new blobs of 1 KiB from another image, each once, over eight connections."""
    blobs = [Blob.of(os.urandom(KIB)) for _ in range(load.sizes.mounts)]
    load.run(lanes(load.client(number).push_blob(MOUNT_FROM, blob) for number, blob in enumerate(blobs)))
    return load.measure([_mounts(load.client(lane), blobs[lane::_MOUNTERS]) for lane in range(_MOUNTERS)])


def _mounts(client: Client, blobs: list[Blob]) -> Script:
    for blob in blobs:
        yield client.mount(MOUNT_TO, MOUNT_FROM, blob.digest)
