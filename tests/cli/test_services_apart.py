"""The three services as processes of their own, started as an orchestrator starts them."""

import asyncio
import json
import os
import stat
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
import pytest

from moorage.standalone.demo import demo_facts, demo_id
from servers.client_process import Outcome
from servers.ports import free_port
from servers.process import ServerProcess
from servers.registry import answers, moorage

pytestmark = pytest.mark.timeout(180)
SERVICE_TOKEN = "a-service-token-of-this-test-only"


class ServicesApart:
    """Permissions, storage and a gateway on one database."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self._folder = folder
        self._dsn = dsn
        self._ports = {name: free_port() for name in ("permissions", "storage", "gateway", "probes")}
        self.processes: dict[str, ServerProcess] = {}

    @property
    def url(self) -> str:
        """The gateway's public address."""
        return self._url("gateway")

    @property
    def secrets(self) -> Path:
        """Where permissions keeps its own."""
        return self._folder / "permissions"

    def _url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[name]}"

    def environments(self) -> Mapping[str, dict[str, str]]:
        """What each process is told."""
        return {
            "permissions": {
                "MOORAGE_PERMISSIONS_DATABASE_URL": self._dsn,
                "MOORAGE_PERMISSIONS_SECRETS_DIR": str(self.secrets),
                "MOORAGE_PERMISSIONS_PORT": str(self._ports["permissions"]),
                "MOORAGE_PERMISSIONS_SERVICE_TOKEN": SERVICE_TOKEN,
            },
            "storage": {
                "MOORAGE_STORAGE_DATABASE_URL": self._dsn,
                "MOORAGE_STORAGE_DATA_FOLDER": str(self._folder / "blobs"),
                "MOORAGE_STORAGE_PORT": str(self._ports["storage"]),
                "MOORAGE_STORAGE_SERVICE_TOKEN": SERVICE_TOKEN,
            },
            "gateway": {
                "MOORAGE_GATEWAY_PUBLIC_URL": self.url,
                "MOORAGE_GATEWAY_PUBLIC_PORT": str(self._ports["gateway"]),
                "MOORAGE_GATEWAY_INTERNAL_PORT": str(self._ports["probes"]),
                "MOORAGE_GATEWAY_SECRETS_DIR": str(self._folder / "gateway"),
                "MOORAGE_GATEWAY_PERMISSIONS_URL": self._url("permissions"),
                "MOORAGE_GATEWAY_STORAGE_URL": self._url("storage"),
                "MOORAGE_GATEWAY_SERVICE_TOKEN": SERVICE_TOKEN,
            },
        }

    def logged(self) -> list[str]:
        """What all of them wrote."""
        return [line for log in self._folder.glob("*.log") for line in log.read_text(encoding="utf-8").splitlines()]

    async def start(self) -> None:
        """Returns when each answers its probe."""
        for name, environment in self.environments().items():
            (self._folder / "gateway").mkdir(mode=0o700, exist_ok=True)
            self.processes[name] = ServerProcess(
                [sys.executable, "-m", "moorage.cli", name],
                log=self._folder / f"{name}.log",
                environment={"PATH": os.environ.get("PATH", os.defpath), **environment},
            )
            probe = self._url("probes" if name == "gateway" else name)
            await answers(f"{probe}/livez", self.processes[name])
            await ready(f"{probe}/readyz")

    async def stop(self) -> None:
        """SIGTERM to all."""
        for process in reversed(self.processes.values()):
            await process.stop()

    async def operator(self, *arguments: str, typed: str = "") -> Outcome:
        """A command with the credential that permissions has left in its folder."""
        environment = {"MOORAGE_SERVER": self.url, "MOORAGE_DATA": str(self.secrets)}
        return await moorage(*arguments, environment=environment, typed=typed)


async def ready(probe: str) -> None:
    """Returns once the probe says so; the test's time-out ends the waiting."""
    async with aiohttp.ClientSession() as client:
        while True:
            async with client.get(probe) as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.05)


@pytest.fixture
async def services(tmp_path: Path, fresh_dsn: str) -> AsyncIterator[ServicesApart]:
    """All three, running."""
    started = ServicesApart(tmp_path, fresh_dsn)
    try:
        await started.start()
        yield started
    finally:
        await started.stop()


async def refuse_strangers(services: ServicesApart, client: aiohttp.ClientSession) -> None:
    """A person's token, however good, opens nothing on an internal listener (R151)."""
    inside = {"permissions": "/internal/v1/snapshot", "storage": f"/v2/{demo_id('image', 'apart')}/tags/list"}
    for service, path in inside.items():
        port = services.environments()[service][f"MOORAGE_{service.upper()}_PORT"]
        async with client.get(f"http://127.0.0.1:{port}{path}") as refused:
            assert refused.status == 401, await refused.text()


async def test_a_lost_operator_is_made_anew_and_storage_is_tidied(services: ServicesApart) -> None:
    """Who owns the folder of permissions is the operator; expiry and collection run from the command line as well."""
    file = services.secrets / "operator.json"
    first = json.loads(file.read_bytes())
    await services.stop()
    file.unlink()
    await services.start()
    assert json.loads(file.read_bytes())["secret"] != first["secret"]
    listed = await services.operator("permissions", "sources", "list", "--json")
    assert [source["name"] for source in json.loads(listed.stdout)] == ["local"], listed
    expired = await moorage("storage", "expire", "--json", environment=services.environments()["storage"])
    assert expired.succeeded, expired
    assert json.loads(expired.stdout) == {"sessions": 0, "objects": 0, "bytes": 0}
    for options in (["--dry-run"], []):
        collected = await moorage(
            "storage", "collect", "--json", *options, environment=services.environments()["storage"]
        )
        assert collected.succeeded, collected
        assert json.loads(collected.stdout) == dict.fromkeys(("tags", "manifests", "links", "blobs", "bytes"), 0)


async def test_facts_tokens_and_images_go_through_all_three(services: ServicesApart) -> None:
    """The operator tells facts and mints a token; alice creates an image and a blob of it is stored; all end with 0."""
    assert stat.S_IMODE((services.secrets / "operator.json").stat().st_mode) == 0o600
    applied = await services.operator("facts", "apply", "-", typed=demo_facts("local", "2026-11-24T10:00:00Z").decode())
    assert applied.succeeded, applied
    minted = await services.operator("token", "create", "first", "--user", "alice", "--json")
    assert minted.succeeded, minted
    token = json.loads(minted.stdout)
    assert token["token"]["user"] == str(demo_id("user", "alice"))
    login = {"Authorization": aiohttp.encode_basic_auth("alice", token["secret"])}
    async with aiohttp.ClientSession(services.url, headers=login) as client:
        async with client.post("/v2/acme/hello/apart/blobs/uploads/") as opened:
            assert opened.status == 202, await opened.text()
        async with client.get("/api/v1/images", params={"name": "acme/hello/apart"}) as found:
            assert [image["repository_slug"] for image in (await found.json())["images"]] == ["hello"]
        await refuse_strangers(services, client)
    await services.stop()
    assert {name: process.exit_code() for name, process in services.processes.items()} == {
        "permissions": 0,
        "storage": 0,
        "gateway": 0,
    }
    assert [line for line in services.logged() if SERVICE_TOKEN in line or "Traceback" in line] == []
