"""The same requests to servers that do next to nothing: what the building blocks cost by themselves."""

import os
import time
from dataclasses import replace

from bench.engine.message import Script
from bench.load import Load
from bench.names import PULL, PUSH
from bench.sample import Sample
from bench.sizes import MIB
from bench.workloads.large import Way, layer_body
from bench.workloads.loops import closed


def bare_get(load: Load) -> Sample:
    """GET of a manifest from a bare aiohttp application, which answers the same to all."""
    image = load.content.images[0]
    return closed(
        load, lambda client: [replace(client.manifest("GET", PULL, image.tag, image), digest=b"", length=None)]
    )


def bare_receive(load: Load) -> Sample:
    """One large layer to a bare receiver that hashes, writes and syncs it."""
    size, laps, prefix = load.sizes.layer_mib * MIB, list[int](), os.urandom(64)
    digest, body = load.content.large.digest(size, prefix), layer_body(load, Way.PUT, prefix, size)

    def script() -> Script:
        since = time.perf_counter_ns()
        yield load.client().finish(f"/v2/{PUSH}/blobs/uploads/one", digest, body)
        laps.append(time.perf_counter_ns() - since)

    os.sync()
    return load.measure([script()], laps, size)
