"""One real Apache Kafka node (KRaft, broker and controller in one process) on loopback."""

import asyncio
import base64
import signal
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError, for_code

from servers.availability import require, require_kafka_jars
from servers.kafka_administration import Administration, all_partitions_have_leaders, all_partitions_serve, listens
from servers.kafka_settings import LOGGING, render_settings
from servers.places import KAFKA_CLASSES
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
        self._topics: list[str] = []

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
        """Returns when every partition is served. Raises BrokerStartError with the end of its log otherwise."""
        if not self._data.exists():
            await asyncio.to_thread(self._format)
        command = (*self._java, self._classes(), "kafka.Kafka", str(self._settings))
        self._process = ServerProcess(command, log=self._folder / "broker.log")
        try:
            await self._wait_until_ready(self._process)
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        if self._process is not None:
            await self._process.stop()
            self._keep_classes(self._process)
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
            self._topics.append(name)
            async with asyncio.timeout(READY_WITHIN):
                while not await all_partitions_have_leaders(client, {name: partitions}):  # noqa: ASYNC110 - in the broker
                    await asyncio.sleep(RETRY_AFTER)

    async def delete_topics(self) -> None:
        """Deletes what `create_topic` has made: after a crash the broker recovers every partition there is."""
        topics, self._topics = list(dict.fromkeys(self._topics)), []
        if not topics:
            return
        async with Administration(self.bootstrap) as client:
            answer = await client.delete_topics(topics)
            for name, code in answer.topic_error_codes:
                # A test may have deleted it itself.
                if code not in (0, UnknownTopicOrPartitionError.errno):
                    raise for_code(code)(name)

    @property
    def _new_classes(self) -> Path:
        return KAFKA_CLASSES.with_suffix(f".{self._port}")

    def _classes(self) -> str:
        """Loading its classes is half of what a start costs; the first broker that ends well leaves them for others."""
        if KAFKA_CLASSES.exists():
            return f"-XX:SharedArchiveFile={KAFKA_CLASSES}"
        return f"-XX:ArchiveClassesAtExit={self._new_classes}"

    def _keep_classes(self, ended: ServerProcess) -> None:
        if not self._new_classes.exists():
            return
        if ended.exit_code() == -signal.SIGKILL:
            # We were not patient enough: it may not be whole.
            self._new_classes.unlink()
        else:
            self._new_classes.replace(KAFKA_CLASSES)

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
        if not await listens(self._port):
            return False
        try:
            async with Administration(self.bootstrap) as client:
                if len((await client.describe_cluster())["brokers"]) != 1:
                    return False
            return await all_partitions_serve(self.bootstrap)
        except KafkaError:
            return False


class BrokerStartError(Exception):
    """The broker in this folder does not run; what it wrote last says why."""

    def __init__(self, folder: Path, output: str = "") -> None:
        super().__init__(folder, output)
        self.folder = folder
        self.output = output


def _cluster_id() -> str:
    """Kafka's form of a UUID: its bytes in URL-safe base64. The prefix keeps it from looking like an option."""
    return base64.urlsafe_b64encode(b"M" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
