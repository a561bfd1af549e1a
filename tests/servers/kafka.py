"""One real Apache Kafka node (KRaft, broker and controller in one process) on loopback."""

import asyncio
import base64
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, for_code

from servers.availability import require, require_kafka_jars
from servers.kafka_settings import LOGGING, render_settings
from servers.ports import free_port
from servers.process import ServerProcess

READY_WITHIN: Final = 60.0
RETRY_AFTER: Final = 0.1
JVM: Final = (
    "-Xms128m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Djava.net.preferIPv4Stack=true",
    f"-Dlog4j2.configurationFile={LOGGING}",
)


class KafkaBroker:
    """The broker over a data folder; `kill` and `start` may follow each other over the same data and address.

    Topics are made by `create_topic` only: the broker creates none by itself.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._settings = folder / "server.properties"
        self._data = folder / "data"
        self._java = (str(require("java")), "-cp", f"{require_kafka_jars()}/*", *JVM)
        self._port, self._controller_port = free_port(), free_port()
        self._process: ServerProcess | None = None

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """Of the running broker, for tests that pause it."""
        if self._process is None:
            raise BrokerStartError(self._folder)
        return self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Returns when the broker answers. Raises BrokerStartError with the end of its log otherwise."""
        if not self._data.exists():
            await asyncio.to_thread(self._format)
        command = (*self._java, "kafka.Kafka", str(self._settings))
        self._process = ServerProcess(command, log=self._folder / "broker.log")
        try:
            await self._wait_until_ready(self._process)
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        if self._process is not None:
            await self._process.stop()
            self._process = None

    async def kill(self) -> None:
        """SIGKILL: what was acknowledged must be there after the next `start`."""
        if self._process is not None:
            await self._process.kill()
            self._process = None

    async def create_topic(self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> None:
        """Returns when every partition has its leader, so the first record does not meet a missing one."""
        settings = {"min.insync.replicas": "1", **(config or {})}
        async with Administration(self.bootstrap) as client:
            answer = await client.create_topics([NewTopic(name, partitions, 1, topic_configs=settings)])
            for _, code, message in answer.topic_errors:
                if code:
                    raise for_code(code)(message)
            async with asyncio.timeout(READY_WITHIN):
                await _wait_for_leaders(client, name, partitions)

    def _format(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._settings.write_text(render_settings(self._port, self._controller_port, self._data), encoding="utf-8")
        command = (*self._java, "kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(self._settings))
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=READY_WITHIN)
        if done.returncode:
            raise BrokerStartError(self._folder, done.stdout + done.stderr)

    async def _wait_until_ready(self, process: ServerProcess) -> None:
        try:
            async with asyncio.timeout(READY_WITHIN):
                while not await self._answers():
                    if process.exit_code() is not None:
                        raise BrokerStartError(self._folder, process.log_tail())
                    await asyncio.sleep(RETRY_AFTER)
        except TimeoutError as error:
            raise BrokerStartError(self._folder, process.log_tail()) from error

    async def _answers(self) -> bool:
        if not await _listens(self._port):
            return False
        try:
            async with Administration(self.bootstrap) as client:
                return len((await client.describe_cluster())["brokers"]) == 1
        except KafkaError:
            return False


class Administration:
    """The administration client as a context manager, which aiokafka's own is not."""

    def __init__(self, bootstrap: str) -> None:
        self._client = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=10_000)

    async def __aenter__(self) -> AIOKafkaAdminClient:
        try:
            await self._client.start()
        except BaseException:
            await self._client.close()
            raise
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()


class BrokerStartError(Exception):
    """The broker in this folder does not run; what it wrote last says why."""

    def __init__(self, folder: Path, output: str = "") -> None:
        super().__init__(folder, output)
        self.folder = folder
        self.output = output


async def _listens(port: int) -> bool:
    """Asked before aiokafka is, which logs an error for every connection refused."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def _wait_for_leaders(client: AIOKafkaAdminClient, topic: str, partitions: int) -> None:
    while True:
        (description,) = await client.describe_topics([topic])
        if len([one for one in description["partitions"] if one["leader"] >= 0]) == partitions:
            return
        await asyncio.sleep(RETRY_AFTER)


def _cluster_id() -> str:
    """Kafka's form of a UUID: its bytes in URL-safe base64. The prefix keeps it from looking like an option."""
    return base64.urlsafe_b64encode(b"M" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
