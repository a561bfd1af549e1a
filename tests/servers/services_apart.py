"""The three services in processes of their own, on one PostgreSQL, with facts coming in over Kafka."""

import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from moorage.events.topics import AUTHORITY, IDENTITY
from servers.client_process import Outcome
from servers.edge import Edge
from servers.fact_source import KafkaSource, applied
from servers.kafka import KafkaBroker
from servers.ports import free_port
from servers.process import ServerProcess
from servers.registry import Login, answers, moorage


class ServicesApart:
    """permissions, storage and a gateway, each started by its own command from its settings."""

    def __init__(self, folder: Path, dsn: str, kafka: KafkaBroker, pairs: int = 1, *, edge: bool = False) -> None:
        """`pairs` of a gateway and a storage process, all on one database and one folder of blobs.

        `edge`: clients come to an nginx before the first pair.
        """
        self.folder = folder
        self._dsn = dsn
        self._kafka = kafka
        suffix = secrets.token_hex(4)
        self._topics = {AUTHORITY.name: f"{AUTHORITY.name}-{suffix}", IDENTITY.name: f"{IDENTITY.name}-{suffix}"}
        self._token = secrets.token_urlsafe(32)
        self._permissions = free_port()
        self._public, self._internal, self._storage = ([free_port() for _ in range(pairs)] for _ in range(3))
        self.edge = Edge(folder / "edge", self._public[0], self._internal[0], self._storage[0]) if edge else None
        self._processes: list[ServerProcess] = []
        self.gateways: list[ServerProcess] = []
        self.storages: list[ServerProcess] = []
        self.source = KafkaSource(kafka.bootstrap, self._topics)
        self.logins: dict[str, Login] = {}

    @property
    def address(self) -> str:
        """Host and port that image names carry: of the edge, or of the first gateway."""
        return f"127.0.0.1:{self.edge.port}" if self.edge else self.addresses[0]

    @property
    def addresses(self) -> list[str]:
        """Host and port of each gateway."""
        return [f"127.0.0.1:{port}" for port in self._public]

    async def start(self) -> None:
        """Topics first, then the services; returns when all three answer."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for topic in (AUTHORITY, IDENTITY):
            name = self._topics[topic.name]
            await self._kafka.create_topic(name, topic.partitions, {"cleanup.policy": "compact"})
        await self._run("permissions", self._permissions_settings(), f"http://127.0.0.1:{self._permissions}/readyz")
        for pair in range(len(self.addresses)):
            await self.start_storage(pair)
            await self.start_gateway(pair)
        if self.edge:
            await self.edge.start()

    async def start_storage(self, pair: int) -> None:
        """Also again, where the former one was killed."""
        ready = f"http://127.0.0.1:{self._storage[pair]}/readyz"
        self.storages[pair:] = [
            await self._run("storage", self._storage_settings(pair), ready),
            *self.storages[pair + 1 :],
        ]

    async def start_gateway(self, pair: int) -> None:
        """Also again, where the former one was killed."""
        ready = f"http://{self.addresses[pair]}/v2/"
        self.gateways[pair:] = [
            await self._run("gateway", self._gateway_settings(pair), ready),
            *self.gateways[pair + 1 :],
        ]

    async def stop(self) -> None:
        """SIGTERM, from the outside inwards."""
        if self.edge:
            await self.edge.stop()
        for process in reversed(self._processes):
            await process.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        await self.source.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.source.__aexit__(kind, error, trace)
        await self.stop()

    async def tell(self, facts: Sequence[dict[str, Any]]) -> None:
        """Facts through the Kafka door; the broker has them when this returns, the registry soon after."""
        await self.source.tell(facts)

    async def applied(self) -> None:
        """Returns when permissions has applied what was told and, if anybody can ask it, the gateway enforces it."""
        head = str(await applied(self._dsn, self.source))
        if "alice" in self.logins:
            login = self.logins["alice"]
            headers = {
                "Authorization": aiohttp.encode_basic_auth(login.username, login.token),
                "Moorage-Authz-Min-Token": head,
            }
            url = f"http://{self.address}/api/v1/images?workspace=acme"
            async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
                assert answer.status == 200, await answer.text()

    async def mint(self, users: Sequence[str]) -> None:
        """A personal token for each of these accounts, minted by the operator."""
        for user in users:
            outcome = await self.command("token", "create", "tests", "--user", user)
            assert outcome.succeeded, outcome
            self.logins[user] = Login(user, outcome.stdout.strip())

    async def command(self, *arguments: str, user: str | None = None, typed: str = "") -> Outcome:
        """The `moorage` command against this gateway, as a user, or as the operator who holds the data folder."""
        environment = {"MOORAGE_SERVER": f"http://{self.address}", "MOORAGE_DATA": str(self.folder / "secrets")}
        if user:
            environment["MOORAGE_TOKEN"] = self.logins[user].token
        return await moorage(*arguments, environment=environment, typed=typed)

    async def _run(self, service: str, settings: dict[str, str], ready: str) -> ServerProcess:
        command = [sys.executable, "-m", "moorage.cli", service]
        environment = {f"MOORAGE_{service.upper()}_{name}": value for name, value in settings.items()}
        process = ServerProcess(command, log=self.folder / f"{service}.log", environment=environment)
        self._processes.append(process)
        await answers(ready, process)
        return process

    def _permissions_settings(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self._dsn,
            "SECRETS_DIR": str(self.folder / "secrets"),
            "PORT": str(self._permissions),
            "SERVICE_TOKEN": self._token,
            "KAFKA_BOOTSTRAP": self._kafka.bootstrap,
            "AUTHORITY_TOPIC": self._topics[AUTHORITY.name],
            "IDENTITY_TOPIC": self._topics[IDENTITY.name],
        }

    def _storage_settings(self, pair: int) -> dict[str, str]:
        return {
            "DATABASE_URL": self._dsn,
            "DATA_FOLDER": str(self.folder / "blobs"),
            "PORT": str(self._storage[pair]),
            "SERVICE_TOKEN": self._token,
        }

    def _gateway_settings(self, pair: int) -> dict[str, str]:
        return {
            "PUBLIC_URL": f"http://{self.address}",
            "PUBLIC_PORT": str(self._public[pair]),
            "INTERNAL_PORT": str(self._internal[pair]),
            "SECRETS_DIR": str(self.folder / "gateway-secrets"),
            "PERMISSIONS_URL": f"http://127.0.0.1:{self._permissions}",
            "STORAGE_URL": f"http://127.0.0.1:{self._storage[pair]}",
            "SERVICE_TOKEN": self._token,
            **({"TRUSTED_PROXIES": "127.0.0.1/32"} if self.edge else {}),
        }
