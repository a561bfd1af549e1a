"""`moorage storage … --data FOLDER`: an operator's commands on a standalone registry, that runs or does not."""

import json
from hashlib import sha256
from pathlib import Path

import aiohttp
import pytest

from servers.registry import StandaloneRegistry, moorage

pytestmark = pytest.mark.timeout(300)

BLOB = b"a blob"


async def pushed(registry: StandaloneRegistry) -> None:
    """One blob, in one request."""
    created = await registry.command("image", "create", "acme/hello/tool", "--repository", "hello", user="alice")
    assert created.succeeded, created
    login = registry.logins["alice"]
    url = f"{registry.url}/v2/acme/hello/tool/blobs/uploads/?digest=sha256:{sha256(BLOB).hexdigest()}"
    headers = {"Authorization": aiohttp.encode_basic_auth(login.username, login.token)}
    headers["Content-Type"] = "application/octet-stream"
    async with aiohttp.ClientSession() as session, session.post(url, data=BLOB, headers=headers) as answer:
        assert answer.status == 201


async def maintained(data: Path) -> None:
    """Every command finds what was pushed, whatever the environment says of S3, which is for storage apart."""
    where, elsewhere = (
        ("--data", str(data), "--json"),
        {"MOORAGE_STORAGE_DRIVER": "s3", "MOORAGE_STORAGE_S3_BUCKET": "b"},
    )
    verified = await moorage("storage", "verify", *where, environment=elsewhere)
    assert verified.succeeded, verified
    assert json.loads(verified.stdout)["bytes"] == len(BLOB)
    for command in (("collect", "--dry-run"), ("collect",), ("expire",)):
        done = await moorage("storage", *command, *where, environment={})
        assert done.succeeded, done
        assert not any(json.loads(done.stdout).values())


async def test_a_registry_is_maintained_while_it_runs_and_when_it_does_not(tmp_path: Path) -> None:
    """By its own PostgreSQL server, or by one that is started as it would be and is gone afterwards."""
    registry = StandaloneRegistry(tmp_path)
    async with registry:
        await pushed(registry)
        await maintained(registry.data)
    await maintained(registry.data)
    assert not (registry.data / "postgres" / "cluster" / "postmaster.pid").exists()
    async with registry:
        assert (await registry.command("image", "show", "acme/hello/tool", user="alice")).succeeded


async def test_a_database_of_another_time_is_left_alone(tmp_path: Path, fresh_dsn: str) -> None:
    """Who moved to a server of his own keeps the embedded one's folder: its rows know nothing of newer blobs."""
    registry = StandaloneRegistry(tmp_path)
    async with registry:
        pass
    async with StandaloneRegistry(tmp_path, "--database", fresh_dsn):
        pass
    refused = await moorage("storage", "expire", "--data", str(registry.data), environment={})
    assert (refused.code, "holds no database of a registry" in refused.stderr) == (1, True), refused
    async with registry:
        await pushed(registry)
        verified = await moorage("storage", "verify", "--data", str(registry.data), environment={})
        assert verified.succeeded, verified


@pytest.mark.parametrize("command", ["verify", "collect", "expire"])
async def test_what_is_no_data_folder_is_said(tmp_path: Path, command: str) -> None:
    """Nothing is made there; and who names none learns that one can."""
    refused = await moorage("storage", command, "--data", str(tmp_path), environment={})
    assert refused.code == 1
    assert "holds no database of a registry" in refused.stderr
    assert "MOORAGE_STORAGE_DATABASE_URL" in refused.stderr
    unnamed = await moorage("storage", command, environment={})
    assert unnamed.code == 2
    assert "--data FOLDER" in unnamed.stderr
