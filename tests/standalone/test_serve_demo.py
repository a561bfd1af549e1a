"""`moorage serve`, as a person or a supervisor runs it: first start, restart, stop, and what stands in its way."""

import asyncio
import json
import os
import signal
import stat
import sys
from pathlib import Path

import aiohttp
import pytest

from servers.client_process import Outcome
from servers.ports import free_port
from servers.process import ServerProcess, tied_to_us
from servers.registry import StandaloneRegistry, answers, moorage

pytestmark = pytest.mark.timeout(180)


def mode_of(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


async def refused(*arguments: str) -> Outcome:
    """What `moorage serve` says when it does not start."""
    return await moorage("serve", *arguments, environment={})


async def test_a_restart_finds_everything_and_mints_nothing(tmp_path: Path) -> None:
    """Tokens and images of the first run are those of the second; secrets are their owner's alone."""
    registry = StandaloneRegistry(tmp_path)
    await registry.start()
    first = registry.credentials.read_bytes()
    created = await registry.command("image", "create", "acme/hello/tool", "--repository", "hello", user="alice")
    assert created.succeeded, created
    secrets = [registry.credentials, *(registry.data / name for name in ("operator.json", "internal.json", "lock"))]
    secrets += list((registry.data / "secrets").iterdir())
    assert len(secrets) > 4
    assert {mode_of(path) for path in secrets} == {0o600}
    assert mode_of(registry.data) & 0o066 == 0
    await registry.stop()
    assert not (registry.data / "internal.json").exists()

    await registry.start()
    assert registry.credentials.read_bytes() == first
    shown = await registry.command("image", "show", "acme/hello/tool", "--json", user="carol")
    assert json.loads(shown.stdout)["repository_slug"] == "hello"
    tokens = await registry.command("token", "list", "--user", "alice", "--json")
    assert [token["name"] for token in json.loads(tokens.stdout)] == ["demo"]
    await registry.stop()


async def test_a_killed_registry_starts_again(tmp_path: Path) -> None:
    """`kill -9` leaves a lock file, a PostgreSQL server and internal.json behind; none of them is in the way."""
    registry = StandaloneRegistry(tmp_path)
    await registry.start()
    first = registry.credentials.read_bytes()
    await registry.kill()
    async with registry:
        assert registry.credentials.read_bytes() == first
        assert (await registry.command("check", "acme/hello/tool", "pull", user="carol")).code == 4


async def test_who_owns_the_data_folder_is_the_operator(tmp_path: Path) -> None:
    """Without operator.json a start makes a new credential, says so once, and the old secret opens nothing."""
    registry = StandaloneRegistry(tmp_path)
    await registry.start()
    first, tokens = (registry.data / "operator.json").read_bytes(), registry.credentials.read_bytes()
    await registry.stop()
    (registry.data / "operator.json").unlink()
    async with registry:
        assert mode_of(registry.data / "operator.json") == 0o600
        assert registry.credentials.read_bytes() == tokens
        minted = await registry.command("token", "create", "again", "--user", "alice")
        assert minted.succeeded, minted
        (registry.data / "operator.json").write_bytes(first)
        assert (await registry.command("token", "create", "late", "--user", "alice")).code == 1
    log = (tmp_path / "serve.log").read_text(encoding="utf-8")
    assert log.count("The operator's secret was lost") == 1
    assert "mrg_" not in log


async def test_a_registry_is_ready_with_all_its_parts(tmp_path: Path) -> None:
    """The probe of the internal listener asks permissions, storage and the gateway's replica."""
    async with StandaloneRegistry(tmp_path) as registry, aiohttp.ClientSession() as client:
        internal = json.loads((registry.data / "internal.json").read_bytes())["url"]
        while not (told := await probed(client, f"{internal}/readyz"))["ready"]:  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.05)
        checks = ["permissions", "rebuild", "replica", "storage", "topics"]
        assert told == {"ready": True, "missing": {}, "checks": checks}


async def probed(client: aiohttp.ClientSession, probe: str) -> dict[str, object]:
    """What a probe tells."""
    async with client.get(probe) as answer:
        told = await answer.json()
    assert isinstance(told, dict)
    return told


async def test_a_second_registry_on_the_folder_or_port_is_refused(tmp_path: Path) -> None:
    """In a sentence that says where the first one is, and what to do."""
    async with StandaloneRegistry(tmp_path / "one") as registry:
        again = await refused("--data", str(registry.data), "--port", "0")
        assert again.code == 1
        assert f"already runs on the data folder {registry.data}, at {registry.url}" in again.stderr
        port = registry.address.rpartition(":")[2]
        taken = await refused("--data", str(tmp_path / "two"), "--port", port)
        assert taken.code == 1
        assert f"Port {port} of 127.0.0.1 is already in use." in taken.stderr
        assert not (tmp_path / "two" / "postgres").exists()
        assert "Traceback" not in again.stderr + taken.stderr


async def test_what_a_person_reads_can_be_pasted(tmp_path: Path) -> None:
    """The first start tells the tour, the second where to find it again; SIGINT and SIGTERM end it with 0."""
    port = free_port()
    told = await told_until_ready(tmp_path, port, signal.SIGINT)
    assert f"docker push 127.0.0.1:{port}/acme/hello/tool:1.0" in told
    assert f"docker pull 127.0.0.1:{port}/acme/hello/tool:1.0" in told
    assert f"docker login 127.0.0.1:{port} --username alice --password-stdin" in told
    assert "Ctrl-C" in told
    assert "mrg_" not in told
    again = await told_until_ready(tmp_path, port, signal.SIGTERM)
    assert "tokens are unchanged" in again
    assert "docker push" not in again


async def told_until_ready(folder: Path, port: int, end: signal.Signals) -> str:
    """Starts a demo as a person does, ends it with the signal when it has told all, and gives what it told."""
    command = [sys.executable, "-m", "moorage.cli", "serve", "--demo", "--data", "data", "--port", str(port)]
    process = await asyncio.create_subprocess_exec(
        *tied_to_us(command),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", os.defpath)},
    )
    assert process.stdout is not None
    told = await process.stdout.readuntil(b"Stop: Ctrl-C\n")
    process.send_signal(end)
    rest, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert b"Traceback" not in errors
    return (told + rest).decode()


async def test_a_pasted_login_line_gives_the_token(tmp_path: Path) -> None:
    """The command that is printed reads the very token of the file."""
    async with StandaloneRegistry(tmp_path) as registry:
        script = 'import json, sys; print(json.load(open(sys.argv[1]))["users"]["alice"]["token"])'
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, str(registry.credentials), stdout=asyncio.subprocess.PIPE
        )
        stdout, _ = await process.communicate()
        assert stdout.decode().strip() == registry.logins["alice"].token


class EmptyRegistry(StandaloneRegistry):
    """`moorage serve` without --demo."""

    async def start(self) -> None:
        """Returns when the registry answers."""
        command = [sys.executable, "-m", "moorage.cli", "serve", "--data", str(self.data)]
        command += ["--port", self.address.rpartition(":")[2]]
        self._process = ServerProcess(command, log=self._folder / "serve.log")
        await answers(f"{self.url}/v2/", self._process)


async def test_an_empty_registry_has_an_operator_and_nothing_else(tmp_path: Path) -> None:
    """Without --demo: one secret, in a file; with it facts are applied and a first token is minted."""
    async with EmptyRegistry(tmp_path) as registry:
        assert not (registry.data / "credentials.json").exists()
        assert mode_of(registry.data / "operator.json") == 0o600
        user = "5f0e4cbe-77aa-4b5f-8d2a-9b1d00000001"
        fact = {"type": "user.set.v1", "data": {"id": user, "account": "erin", "active": True}}
        applied = await registry.command("facts", "apply", "-", typed=json.dumps(fact))
        assert applied.stdout.startswith("Applied 1, unchanged 0"), applied
        minted = await registry.command("token", "create", "first", "--user", "erin")
        assert minted.stdout.startswith("mrg_pat_"), minted
        (registry.data / "token").write_text(minted.stdout, encoding="utf-8")
        listed = await registry.command("token", "list", "--token-file", str(registry.data / "token"), "--json")
        assert [token["account"] for token in json.loads(listed.stdout)] == ["erin"]
