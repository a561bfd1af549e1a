"""The demo's tokens: minted once, kept as long as they open something, renewed one by one."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from moorage.access import wire
from moorage.permissions.adapters.pepper import FilePepper
from moorage.permissions.app import Permissions
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.clock import SystemClock
from moorage.standalone.demo import USERS, WORKSPACE, demo_facts
from moorage.standalone.tokens import DemoTokens

REGISTRY = "127.0.0.1:5000"


@pytest.fixture
def permissions(tmp_path: Path) -> Permissions:
    """Permissions in memory, with the demo's facts."""
    settings = PermissionsSettings(database_url=SecretStr("postgresql://nowhere/x"), secrets_dir=tmp_path)
    return Permissions(MemoryLedger(), FilePepper(b"k" * 32), SystemClock(), settings)


async def seeded(permissions: Permissions, folder: Path) -> str:
    """The operator's secret, after the demo's facts were told twice."""
    secret = await permissions.operator(folder / "operator.json")
    lines = demo_facts("local", "2026-11-24T12:00:00Z").splitlines()
    first = await permissions.ingest(lines)
    again = await permissions.ingest(demo_facts("local", "2026-11-25T12:00:00Z").splitlines())
    assert (first.applied, again.applied, again.unchanged) == (len(lines), 0, len(lines))
    return secret


async def test_tokens_are_minted_once_and_open_their_accounts(permissions: Permissions, tmp_path: Path) -> None:
    """The second time the file is not touched."""
    secret, file = await seeded(permissions, tmp_path), tmp_path / "credentials.json"
    tokens = DemoTokens(permissions.authority, secret, file)
    assert await tokens.ensure(REGISTRY, WORKSPACE, USERS)
    before = file.read_bytes()
    assert not await tokens.ensure(REGISTRY, WORKSPACE, USERS)
    assert file.read_bytes() == before
    for account, entry in json.loads(before)["users"].items():
        answer = await permissions.authority.authenticate(wire.AuthenticateRequest(secret=entry["token"]))
        assert (answer.account, entry["username"]) == (account, account)


async def test_a_new_port_changes_the_file_and_no_token(permissions: Permissions, tmp_path: Path) -> None:
    """Programs that read the file find the registry where it is now."""
    secret, file = await seeded(permissions, tmp_path), tmp_path / "credentials.json"
    tokens = DemoTokens(permissions.authority, secret, file)
    await tokens.ensure(REGISTRY, WORKSPACE, USERS)
    before = json.loads(file.read_bytes())
    assert not await tokens.ensure("127.0.0.1:5001", WORKSPACE, USERS)
    assert json.loads(file.read_bytes()) == before | {"registry": "127.0.0.1:5001"}


@pytest.mark.parametrize(
    "damage",
    [None, 7, "mrg_pat_x", "x" * 1000, "of-bob"],
    ids=["missing", "number", "malformed", "long", "somebody-elses"],
)
async def test_only_what_does_not_open_its_account_is_minted_anew(
    permissions: Permissions, tmp_path: Path, damage: object
) -> None:
    """Whatever stands in alice's place; the others keep theirs."""
    secret, file = await seeded(permissions, tmp_path), tmp_path / "credentials.json"
    tokens = DemoTokens(permissions.authority, secret, file)
    await tokens.ensure(REGISTRY, WORKSPACE, USERS)
    before = json.loads(file.read_bytes())
    users = before["users"]
    placed = users["bob"]["token"] if damage == "of-bob" else damage
    file.write_text(json.dumps(before | {"users": users | {"alice": {"token": placed}}}), encoding="utf-8")
    assert await tokens.ensure(REGISTRY, WORKSPACE, USERS)
    after = json.loads(file.read_bytes())["users"]
    assert after["alice"]["token"] not in (users["alice"]["token"], placed)
    assert after | {"alice": None} == users | {"alice": None}


@pytest.mark.parametrize("content", ["", "[]", '{"users": []}', '{"users": {"alice": []}}'])
async def test_a_damaged_file_is_written_anew(permissions: Permissions, tmp_path: Path, content: str) -> None:
    """Never a failure to start."""
    secret, file = await seeded(permissions, tmp_path), tmp_path / "credentials.json"
    file.write_text(content, encoding="utf-8")
    assert await DemoTokens(permissions.authority, secret, file).ensure(REGISTRY, WORKSPACE, USERS)
    assert set(json.loads(file.read_bytes())["users"]) == set(USERS)
