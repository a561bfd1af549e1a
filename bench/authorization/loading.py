"""Figures of loading: a backlog through the consumer, the rebuild, a gateway from cold, and its memory."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from bench.authorization.figure import Goal, at_least
from bench.authorization.progress import said
from bench.authorization.site import Site
from bench.authorization.telling import write_crowd
from bench.authorization.world import BIG, SMALL
from faults.permissions_process import PermissionsProcess

REBUILD: Final = Goal("rebuild_seconds", "s", 60)
INGEST: Final = at_least("ingest_facts_per_second", "facts/s", 25_000)
READY: Final = Goal("gateway_ready_seconds", "s", 10)
MEMORY: Final = Goal("gateway_memory_per_million_edges", "MB", 20)
_BACKLOG: Final = 500_000
_BIG_SHARE: Final = 0.7
_SPREAD: Final = 6
_MEGABYTE: Final = 1e6


async def ingest(site: Site) -> Mapping[Goal, float]:
    """A backlog written while permissions is away: half new memberships, half their ends; each is a change."""
    await site.permissions.stop()
    half = max(1000, round(_BACKLOG * site.world.scale / 2))
    big, small = round(half * _BIG_SHARE), round(half * (1 - _BIG_SHARE) / _SPREAD)
    loop, told, first = asyncio.get_running_loop(), 0, None
    for present in (True, False):
        version = site.live.later(10 * half)
        first = first or version
        for name, count in ((BIG, big), *((each, small) for each in SMALL[:_SPREAD])):
            arguments = (site.topics, name, "crowd", count, version, present, first)
            told += await loop.run_in_executor(site.writers, write_crowd, *arguments)
    ends = await site.ends()
    said(f"applying a backlog of {told:,} facts")
    await site.permissions.start()
    return {INGEST: told / await site.applied(ends)}


async def gateway(site: Site) -> Mapping[Goal, float]:
    """Seconds from the command to readiness with everything preloaded; its memory beyond that of an empty gateway."""
    await site.storage()
    seconds, full = await _resident(site, site.permissions)
    empty_service = await site.empty_permissions()
    try:
        _, empty = await _resident(site, empty_service)
    finally:
        await empty_service.kill()
    said(f"a full gateway has {full / _MEGABYTE:.0f} MB, an empty one {empty / _MEGABYTE:.0f} MB")
    per_million = (full - empty) / _MEGABYTE / (site.world.edges / 1e6)
    if per_million < 1:
        raise RuntimeError(f"the gateway did not preload: {per_million:.2f} MB per million edges")
    return {READY: seconds, MEMORY: per_million}


async def _resident(site: Site, permissions: PermissionsProcess) -> tuple[float, int]:
    """Seconds to readiness, and bytes a little after it."""
    began = time.monotonic()
    started = site.gateway(permissions, preload=True)
    try:
        await started.ready()
        seconds = time.monotonic() - began
        await asyncio.sleep(2)
        return seconds, started.resident
    finally:
        await started.process.kill()
