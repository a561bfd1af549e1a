"""Opens the site and fills it: the world is written to Kafka, and a permissions service rebuilds itself from there."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from bench.authorization.live_source import LiveSource
from bench.authorization.progress import said
from bench.authorization.site import TOPIC_SETTINGS, Site, writers
from bench.authorization.telling import Topics, write_world
from bench.authorization.world import BIG, SMALL, World
from faults.permissions_process import PermissionsProcess
from moorage.events.topics import AUTHORITY, IDENTITY
from servers.kafka import KafkaBroker
from servers.postgres import PostgresForTests

_HALF: Final = len(SMALL) // 2


@asynccontextmanager
async def open_site(folder: Path, scale: float, postgres: PostgresForTests) -> AsyncIterator[Site]:
    """A site whose world is in Kafka and nowhere else yet."""
    world = World(scale)
    async with AsyncExitStack() as stack:
        kafka = await stack.enter_async_context(KafkaBroker(folder / "kafka"))
        topics = Topics(kafka.bootstrap, AUTHORITY.name, IDENTITY.name)
        for topic in (AUTHORITY, IDENTITY):
            await kafka.create_topic(topic.name, topic.partitions, TOPIC_SETTINGS)
        pool = stack.enter_context(writers())
        await _write(pool, topics, world)
        dsn = await postgres.fresh_database()
        names = {AUTHORITY.name: topics.authority, IDENTITY.name: topics.identity}
        permissions = PermissionsProcess(folder / "permissions", dsn, kafka.bootstrap, names)
        stack.push_async_callback(permissions.kill)
        live = await stack.enter_async_context(LiveSource(topics))
        site = Site(folder, world, postgres, kafka, topics, dsn, permissions, live, pool)
        stack.push_async_callback(_end, site)
        yield site


async def rebuild(site: Site) -> float:
    """Seconds in which an empty permissions service applies everything that is in the topics when it starts."""
    ends = await site.ends()
    began = time.monotonic()
    site.permissions.spawn()
    said(f"rebuilding {site.world.facts:,} facts, {site.world.edges:,} of them edges")
    return await site.applied(ends, began)


async def _write(pool: object, topics: Topics, world: World) -> None:
    began, loop = time.monotonic(), asyncio.get_running_loop()
    parts = ((BIG,), SMALL[:_HALF], SMALL[_HALF:])
    jobs = [loop.run_in_executor(pool, write_world, topics, world.scale, part) for part in parts]  # type: ignore[arg-type]  # an Executor
    written = sum(await asyncio.gather(*jobs))
    said(f"wrote {written:,} facts in {time.monotonic() - began:.0f} s")


async def _end(site: Site) -> None:
    for process in reversed(site.started):
        await process.kill()
