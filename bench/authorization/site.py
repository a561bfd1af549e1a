"""The site under measurement: PostgreSQL, Kafka, permissions, storage and gateways, each a process of its own."""

import asyncio
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Final
from uuid import uuid4

import aiohttp
import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.authorization.live_source import LiveSource
from bench.authorization.telling import Topics
from bench.authorization.world import World
from faults.permissions_process import PermissionsProcess
from moorage.events.topics import AUTHORITY, IDENTITY
from moorage.standalone.embedded_postgres import EmbeddedPostgres
from servers.kafka import KafkaBroker
from servers.ports import free_port
from servers.postgres import DEFAULT_MAJOR, PostgresForTests, require_programs, run
from servers.process import ServerProcess
from servers.registry import answers

POSTGRES_SETTINGS: Final = {"shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "15min"}
"""As a site of this size sets them; durability is as PostgreSQL has it."""
TOPIC_SETTINGS: Final = {"cleanup.policy": "compact", "min.compaction.lag.ms": "3600000"}
_BOUND_SECONDS: Final = 3600.0
_POLL_SECONDS: Final = 0.05
PUBLIC_URL: Final = "http://registry.test"


def start_postgres(folder: Path) -> PostgresForTests:
    """A durable server; from the main thread, and outside every event loop."""
    programs = require_programs(DEFAULT_MAJOR)
    server = run(EmbeddedPostgres.open(folder, binaries=programs.folder, settings=POSTGRES_SETTINGS))
    return PostgresForTests(server, programs.major)


class Started(ServerProcess):
    """One service of ours, started from its settings by its own command."""

    def __init__(self, service: str, name: str, folder: Path, settings: dict[str, str]) -> None:
        environment = {f"MOORAGE_{service.upper()}_{key}": value for key, value in settings.items()}
        command = [sys.executable, "-m", "moorage.cli", service]
        super().__init__(command, log=folder / f"{name}.log", environment=environment)


@dataclass
class GatewayProcess:
    """A gateway: its public and internal ports."""

    process: ServerProcess
    port: int
    internal: int

    async def ready(self) -> None:
        """Returns when it says so on its internal listener."""
        async with asyncio.timeout(_BOUND_SECONDS), aiohttp.ClientSession() as session:
            while not await self._says_so(session):
                if self.process.exit_code() is not None:
                    raise RuntimeError(self.process.log_tail())
                await asyncio.sleep(_POLL_SECONDS / 2)

    async def _says_so(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"http://127.0.0.1:{self.internal}/readyz") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    @property
    def resident(self) -> int:
        """Bytes of memory that it has now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        line = next(each for each in status.splitlines() if each.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024


@dataclass
class Site:
    """What figures are taken of. Opened by `bench.authorization.opening`."""

    folder: Path
    world: World
    postgres: PostgresForTests
    kafka: KafkaBroker
    topics: Topics
    dsn: str
    permissions: PermissionsProcess
    live: LiveSource
    writers: ProcessPoolExecutor
    storage_url: str = ""
    gateways: list[GatewayProcess] = field(default_factory=list)
    started: list[ServerProcess] = field(default_factory=list)

    def gateway(self, permissions: PermissionsProcess, *, preload: bool) -> GatewayProcess:
        """One more gateway; not waited for."""
        port, internal = free_port(), free_port()
        settings = {
            "PUBLIC_URL": PUBLIC_URL,
            "PUBLIC_PORT": str(port),
            "INTERNAL_PORT": str(internal),
            "SECRETS_DIR": str(self.folder / "keys"),
            "TOKEN_SECONDS": "3600",
            "PERMISSIONS_URL": permissions.url,
            "STORAGE_URL": self.storage_url,
            "SERVICE_TOKEN": permissions.token,
            "REPLICA_PRELOAD": "all" if preload else "none",
        }
        process = Started("gateway", f"gateway-{len(self.started)}", self.folder, settings)
        self.started.append(process)
        return GatewayProcess(process, port, internal)

    async def storage(self) -> None:
        """Starts storage unless it is there; returns when it answers."""
        if self.storage_url:
            return
        port = free_port()
        self.storage_url = f"http://127.0.0.1:{port}"
        settings = {
            "DATABASE_URL": self.dsn,
            "DATA_FOLDER": str(self.folder / "blobs"),
            "PORT": str(port),
            "SERVICE_TOKEN": self.permissions.token,
        }
        process = Started("storage", "storage", self.folder, settings)
        self.started.append(process)
        await answers(f"{self.storage_url}/readyz", process)

    async def ends(self) -> dict[tuple[str, int], int]:
        """Where each partition ends now."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.topics.bootstrap)
        await consumer.start()
        try:
            places = [
                TopicPartition(name, part)
                for name, topic in ((self.topics.authority, AUTHORITY), (self.topics.identity, IDENTITY))
                for part in range(topic.partitions)
            ]
            return {(place.topic, place.partition): end for place, end in (await consumer.end_offsets(places)).items()}
        finally:
            await consumer.stop()

    async def applied(self, ends: dict[tuple[str, int], int], since: float | None = None) -> float:
        """Waits until permissions is at these ends; seconds from `since`, or from the first position that moved."""
        # One connection for all looks: to open one takes as much of the machine as applying hundreds of facts.
        connection = await asyncpg.connect(self.dsn)
        try:
            return await self._applied(connection, ends, since)
        finally:
            await connection.close()

    async def _applied(
        self, connection: "asyncpg.Connection[asyncpg.Record]", ends: dict[tuple[str, int], int], since: float | None
    ) -> float:
        before = await positions(connection)
        async with asyncio.timeout(_BOUND_SECONDS):
            while True:
                now = await positions(connection)
                if since is None and now != before:
                    since = time.monotonic()
                if all(now.get(place, 0) >= end for place, end in ends.items()):
                    return time.monotonic() - (since or time.monotonic())
                if not self.permissions.running:
                    raise RuntimeError(self.permissions.log[-2000:])
                await asyncio.sleep(_POLL_SECONDS)

    async def empty_permissions(self) -> PermissionsProcess:
        """Another service, with an empty world and no Kafka."""
        process = PermissionsProcess(self.folder / f"empty-{uuid4().hex[:4]}", await self.postgres.fresh_database())
        await process.start()
        return process


async def positions(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[tuple[str, int], int]:
    """How far permissions has applied each partition; empty before there is a schema."""
    try:
        rows = await connection.fetch("SELECT topic, part, next FROM permissions.ingest_position")
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return {}
    return {(row["topic"], row["part"]): row["next"] for row in rows}


def writers() -> ProcessPoolExecutor:
    """Processes that write facts, so that what measures is not disturbed."""
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))
