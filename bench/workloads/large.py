"""Large bodies: downloads whose bytes are dropped in our kernel, uploads from a file in memory."""

import os
import time
from collections.abc import Callable
from enum import Enum
from typing import Final

from bench.client import Client
from bench.engine.message import FileBody, Request, Script
from bench.load import Load
from bench.names import PULL, PUSH
from bench.sample import Sample
from bench.sizes import KIB, MIB
from bench.workloads.seeding import seed_large

_PREFIX_BYTES: Final = 64
"""They make each pushed layer another one."""
_CHUNK_BYTES: Final = 32 * KIB


class Way(Enum):
    """How clients send a layer."""

    LENGTH = "POST, PATCH with a length, PUT"
    CHUNKED = "POST, PATCH in chunks of 32 KiB, PUT: as docker does"
    PUT = "POST, PUT with the whole body: as containerd and oras do"


def blob_get_large(connections: int) -> Callable[[Load], Sample]:
    """GET of one large blob, several times on each connection."""

    def get(load: Load) -> Sample:
        digest, size = seed_large(load), load.sizes.large_mib * MIB
        load.ask(lambda client: client.blob("GET", PULL, digest, size))
        requests = [load.client(number).blob("GET", PULL, digest, size) for number in range(connections)]
        return load.measure([_times(request, load.sizes.large_repeats) for request in requests], size=size)

    return get


def _times(request: Request, count: int) -> Script:
    for _ in range(count):
        yield request


def push_layer(way: Way, connections: int, share: int = 1) -> Callable[[Load], Sample]:
    """One new large layer on each connection; `share` makes it so many times smaller."""

    def push(load: Load) -> Sample:
        size, laps = load.sizes.layer_mib * MIB // share, list[int]()
        scripts = [_push(load, load.client(number), way, size, laps) for number in range(connections)]
        os.sync()
        return load.measure(scripts, laps, size)

    return push


def _push(load: Load, client: Client, way: Way, size: int, laps: list[int]) -> Script:
    """Hashes now, and sends when it is run."""
    prefix = os.urandom(_PREFIX_BYTES)
    digest = load.content.large.digest(size, prefix)
    return _sent(client, way, layer_body(load, way, prefix, size), digest, laps)


def layer_body(load: Load, way: Way, prefix: bytes, size: int) -> FileBody:
    """A layer of so many bytes with a beginning of its own."""
    large = load.content.large
    chunk = _CHUNK_BYTES if way is Way.CHUNKED else 0
    return FileBody(large.number, len(prefix), size - len(prefix), prefix, chunk, large.view)


def _sent(client: Client, way: Way, body: FileBody, digest: str, laps: list[int]) -> Script:
    since = time.perf_counter_ns()
    started = yield client.start(PUSH)
    if way is Way.PUT:
        yield client.finish(started.header("location"), digest, body)
    else:
        written = yield client.patch_file(started.header("location"), body)
        yield client.finish(written.header("location"), digest)
    laps.append(time.perf_counter_ns() - since)
