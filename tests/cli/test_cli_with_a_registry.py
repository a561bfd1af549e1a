"""The `moorage` command against a real registry: what people and scripts see."""

import json
import stat
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from contracts.wire_client import WireRegistry
from moorage.standalone.demo import demo_id
from servers.client_process import Outcome
from servers.registry import StandaloneRegistry

pytestmark = pytest.mark.timeout(180)


def one(outcome: Outcome) -> dict[str, Any]:
    """The object that a command with --json printed."""
    assert outcome.succeeded, outcome
    answer = json.loads(outcome.stdout)
    assert isinstance(answer, dict)
    return answer


def called(user: str, role: str) -> dict[str, object]:
    """A fact: what the workspace calls a user."""
    ids = {"workspace": str(demo_id("workspace", "acme")), "user": str(demo_id("user", user))}
    return {"type": "workspace_member.set.v1", "data": {**ids, "role": role}}


def refusal(outcome: Outcome, code: int) -> str:
    """What a refused command said; nothing on standard output, no traceback, something to do."""
    assert outcome.code == code, outcome
    assert outcome.stdout == ""
    assert "Traceback" not in outcome.stderr
    lines = outcome.stderr.strip().splitlines()
    assert len(lines) == 2, outcome.stderr
    return lines[0]


async def test_an_image_from_its_creation_to_its_end(registry: StandaloneRegistry) -> None:
    """Created, shown, listed, changed, deleted: every answer also as JSON."""
    name = "acme/hello/life"
    created = one(await registry.command("image", "create", name, "--repository", "hello", "--json", user="alice"))
    assert (created["name"], created["repository_slug"], created["visibility"]) == (name, "hello", "inherit")
    changed = one(
        await registry.command(
            "image", "set", name, "--visibility", "workspace", "--push-policy", "admins_only", "--json", user="alice"
        )
    )
    assert (changed["visibility"], changed["push_policy"]) == ("workspace", "admins_only")
    shown = one(await registry.command("image", "show", name, "--json", user="dave"))
    assert shown["id"] == created["id"]
    listed = await registry.command("image", "list", "acme", "--json", user="carol")
    assert name in [image["name"] for image in json.loads(listed.stdout)]
    table = await registry.command("image", "list", "acme", user="carol")
    assert table.stdout.splitlines()[0].split() == ["IMAGE", "REPOSITORY", "VISIBILITY", "PUSH", "POLICY", "STATE"]
    wrong = await registry.command("image", "delete", name, user="alice", typed="acme/hello/other\n")
    assert wrong.code == 2
    deleted = await registry.command("image", "delete", name, user="alice", typed=f"{name}\n")
    assert deleted.succeeded, deleted
    assert f"moorage image restore {created['id']}" in deleted.stdout
    gone = await registry.command("image", "show", name, user="alice")
    assert "available to you" in refusal(gone, 1)


async def test_a_deleted_image_is_restored(registry: StandaloneRegistry) -> None:
    """By its id, which the list of deleted ones shows to its admins; not while another one has the name."""
    name = "acme/hello/back"
    create = ("image", "create", name, "--repository", "hello", "--json")
    created = one(await registry.command(*create, user="alice"))
    gone = one(await registry.command("image", "delete", name, "--yes", "--json", user="alice"))
    assert gone["state"] == "deleted"
    table = await registry.command("image", "list", "acme", "--deleted", user="alice")
    assert f"{name}  {created['id']}" in table.stdout
    hidden = await registry.command("image", "list", "acme", "--deleted", "--json", user="bob")
    assert created["id"] not in hidden.stdout
    second = one(await registry.command(*create, user="alice"))
    taken = await registry.command("image", "restore", created["id"], user="alice")
    assert "Another image is called" in refusal(taken, 1)
    assert (await registry.command("image", "delete", name, "--yes", user="alice")).succeeded
    back = await registry.command("image", "restore", created["id"], "--wait", user="alice")
    assert f"Restored {name}" in back.stdout
    shown = one(await registry.command("image", "show", name, "--json", user="alice"))
    assert (shown["id"], shown["link_gen"]) == (created["id"], 2)
    assert (await registry.command("image", "restore", second["id"], user="carol")).code == 1


async def test_a_deleted_tag_is_restored(registry: StandaloneRegistry) -> None:
    """It is listed until then, to whom may delete it; pushed again since, it stays as it is."""
    name, alice = "acme/hello/tags", registry.logins["alice"]
    assert (await registry.command("image", "create", name, "--repository", "hello", user="alice")).succeeded
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": aiohttp.encode_basic_auth(alice.username, alice.token)}
        wire = WireRegistry(session, registry.url, name, name, headers)
        digest, _ = await wire.push_manifest(await wire.image_manifest(), "v1")
        assert (await wire.ask("DELETE", wire.at(f"manifests/{digest}"))).status == 202
        assert (await registry.command("tag", "list", name, user="carol")).stdout == f"{name} has no tag.\n"
        [deleted] = json.loads(
            (await registry.command("tag", "list", name, "--deleted", "--json", user="alice")).stdout
        )
        assert (deleted["name"], deleted["digest"]) == ("v1", str(digest))
        table = await registry.command("tag", "list", name, "--deleted", user="alice")
        assert table.stdout.splitlines()[0].split() == ["TAG", "DIGEST", "DELETED", "BY", "RESTORABLE", "UNTIL"]
        refusal(await registry.command("tag", "list", name, "--deleted", user="carol"), 1)
        refusal(await registry.command("tag", "restore", f"{name}:v1", user="carol"), 1)
        refusal(await registry.command("tag", "restore", name, user="alice"), 2)
        back = one(await registry.command("tag", "restore", f"{name}:v1", "--json", user="alice"))
        assert back == {"image": name, "tag": "v1", "digest": str(digest)}
        assert (await registry.command("tag", "list", name, user="carol")).stdout == "v1\n"
        assert (await wire.ask("DELETE", wire.at("manifests/v1"))).status == 202
        await wire.push_manifest(await wire.image_manifest("other"), "v1")
        taken = await registry.command("tag", "restore", f"{name}:v1", user="alice")
        assert "was pushed again since" in refusal(taken, 1)
    none = await registry.command("tag", "list", name, "--deleted", user="alice")
    assert none.stdout == f"{name} has no deleted tag that can be restored.\n"


async def test_pipelines_are_let_publish(registry: StandaloneRegistry) -> None:
    """An environment and any pipeline by branch, consumers, the glass; shown as they were typed."""
    name, production = "acme/hello/published", str(demo_id("environment", "production"))
    fact = {
        "workspace": str(demo_id("workspace", "acme")),
        "id": production,
        "repository": str(demo_id("repository", "hello")),
        "name": "Production",
        "stage": "production",
        "state": "active",
    }
    await registry.tell([{"type": "environment.set.v1", "data": fact}])
    created = await registry.command("image", "create", name, "--repository", "hello", user="alice")
    assert created.succeeded, created
    asked = ("--publisher", f"{production}:main", "--publisher", "any:release/*,dev", "--consumer", "hello")
    changed = one(await registry.command("image", "set", name, *asked, "--admin-override", "--json", user="alice"))
    assert changed["publishers"] == [
        {"environment": production, "branches": ["main"]},
        {"any_pipeline": True, "branches": ["release/*", "dev"]},
    ]
    assert (changed["admin_override"], len(changed["consumer_repositories"])) == (True, 1)
    shown = await registry.command("image", "show", name, user="alice")
    assert f"{production}:main, any:release/*,dev" in shown.stdout
    unknown = await registry.command("image", "set", name, "--publisher", str(uuid4()), user="alice")
    assert "environment" in refusal(unknown, 1)
    for wrong in ("production", "any:a?b"):
        refusal(await registry.command("image", "set", name, "--publisher", wrong, user="alice"), 2)
    ended = one(await registry.command("image", "set", name, "--no-publishers", "--json", user="alice"))
    assert ended["publishers"] == []


async def test_an_owner_says_who_publishes_new_images(registry: StandaloneRegistry) -> None:
    """And nobody else; what is not given stays."""
    asked = ("workspace", "set", "acme", "--default-publisher", "any:main", "--pipeline-create")
    refusal(await registry.command(*asked, user="bob"), 1)
    await registry.tell([called("bob", "owner")])
    settings = one(await registry.command(*asked, "--json", user="bob"))
    assert settings["default_publishers"] == [{"any_pipeline": True, "branches": ["main"]}]
    table = await registry.command("workspace", "set", "acme", "--no-pipeline-create", user="bob")
    assert "any:main" in table.stdout
    assert (await registry.command("workspace", "show", "acme", user="bob")).stdout == table.stdout
    shown = one(await registry.command("workspace", "show", "acme", "--json", user="bob"))
    assert (shown["default_publishers"], shown["pipeline_create"]) == (settings["default_publishers"], False)
    refusal(await registry.command("workspace", "show", "acme", user="alice"), 1)
    one(await registry.command("workspace", "set", "acme", "--no-default-publishers", "--json", user="bob"))
    refusal(await registry.command("workspace", "set", "acme", user="bob"), 2)
    await registry.tell([called("bob", "member")])


async def test_a_relink_needs_admin_on_both_sides(registry: StandaloneRegistry) -> None:
    """Refused at first; one fact later it works, and the visibility is `inherit` again."""
    name = "acme/hello/moved"
    created = await registry.command("image", "create", name, "--repository", "hello", user="alice")
    assert created.succeeded, created
    refusal(await registry.command("image", "relink", name, "--repository", "ledger", user="alice"), 1)
    fact = {
        "type": "grant.set.v1",
        "data": {
            "workspace": str(demo_id("workspace", "acme")),
            "node": {"kind": "repository", "id": str(demo_id("repository", "ledger"))},
            "grantee": {"kind": "user", "id": str(demo_id("user", "alice"))},
            "role": "admin",
        },
    }
    await registry.tell([fact])
    moved = one(await registry.command("image", "relink", name, "--repository", "ledger", "--json", user="alice"))
    assert (moved["repository_slug"], moved["link_gen"], moved["visibility"]) == ("ledger", 2, "inherit")


@pytest.mark.parametrize(
    ("user", "action", "code"),
    [("alice", "manage", 0), ("bob", "push", 0), ("bob", "manage", 4), ("carol", "pull", 0), ("dave", "pull", 4)],
)
async def test_check_answers_with_its_exit_code(
    registry: StandaloneRegistry, user: str, action: str, code: int
) -> None:
    """0 is yes, 4 is no, in words and as JSON."""
    await registry.command("image", "create", "acme/hello/checked", "--repository", "hello", user="alice")
    outcome = await registry.command("check", "acme/hello/checked", action, user=user)
    assert (outcome.code, outcome.stdout.split(":")[0]) == (code, "no" if code else "yes")
    answer = await registry.command("check", "acme/hello/checked", action, "--json", user=user)
    assert (answer.code, json.loads(answer.stdout)["allowed"]) == (code, not code)


async def test_explain_shows_the_path_of_facts(registry: StandaloneRegistry) -> None:
    """Bob's right comes through a group, and the tree says so."""
    await registry.command("image", "create", "acme/hello/explained", "--repository", "hello", user="alice")
    own = await registry.command("explain", "acme/hello/explained", "push", user="bob")
    assert "member of developers" in own.stdout, own
    assert "developers has write" in own.stdout
    assert str(demo_id("group", "developers")) in own.stdout
    assert f"user:{demo_id('user', 'bob')} (bob) push acme/hello/explained" in own.stdout
    other = one(
        await registry.command(
            "explain", "acme/hello/explained", "push", "--principal", "carol", "--json", user="alice"
        )
    )
    assert (other["decision"], other["reason"]) == ("deny", "no_write")
    refusal(await registry.command("explain", "acme/hello/explained", "push", "--principal", "bob", user="carol"), 1)


async def test_a_token_from_its_secret_to_its_end(registry: StandaloneRegistry, tmp_path: Path) -> None:
    """Only the secret is on standard output; once revoked it opens nothing, and the exit code says so."""
    name = f"laptop-{uuid4()}"
    created = await registry.command("token", "create", name, "--scope", "image:read", user="carol")
    assert created.succeeded, created
    file = tmp_path / "token"
    file.write_text(created.stdout, encoding="utf-8")
    listed = json.loads((await registry.command("token", "list", "--json", "--token-file", str(file))).stdout)
    (mine,) = [token for token in listed if token["name"] == name]
    assert mine["scopes"] == ["image:read"]
    assert "mrg_" not in json.dumps(listed)
    revoked = await registry.command("token", "revoke", mine["id"], user="carol")
    assert revoked.succeeded, revoked
    again = await registry.command("token", "list", "--token-file", str(file))
    refusal(again, 1)


async def test_a_secret_never_stands_in_the_output_of_a_failure(registry: StandaloneRegistry, tmp_path: Path) -> None:
    """Neither a wrong one nor a right one in the wrong place (R145)."""
    file = tmp_path / "token"
    file.write_text("mrg_pat_" + "x" * 36, encoding="utf-8")
    outcome = await registry.command("image", "create", "acme/a", "--repository", "b", "--token-file", str(file))
    assert "mrg_pat" not in refusal(outcome, 1)


async def test_facts_are_applied_in_batches_and_once(registry: StandaloneRegistry, tmp_path: Path) -> None:
    """More than a thousand from a file; the second time nothing changes."""
    users = [
        {"type": "user.set.v1", "data": {"id": str(uuid4()), "account": f"user-{uuid4().hex}", "active": True}}
        for _ in range(1500)
    ]
    file = tmp_path / "facts.json"
    file.write_text(json.dumps(users), encoding="utf-8")
    first = one(await registry.command("facts", "apply", str(file), "--json"))
    assert (first["applied"], first["unchanged"], first["refused"]) == (1500, 0, [])
    second = one(await registry.command("facts", "apply", str(file), "--json"))
    assert (second["applied"], second["unchanged"]) == (0, 1500)
    assert second["token"] == first["token"]


async def test_a_refused_fact_is_told_by_its_line(registry: StandaloneRegistry) -> None:
    """Found before anything is sent."""
    good = json.dumps({"type": "user.set.v1", "data": {"id": str(uuid4()), "account": "x", "active": True}})
    outcome = await registry.command("facts", "apply", "-", typed=f"{good}\n\n{good.replace('true', '7')}\n")
    assert "line 3: schema: active" in refusal(outcome, 2)


async def test_the_doctor_is_content(registry: StandaloneRegistry) -> None:
    """With a registry that runs, and a credential that opens it."""
    outcome = await registry.command("doctor", "--json", user="alice")
    findings = {finding["title"]: finding["health"] for finding in json.loads(outcome.stdout)}
    assert outcome.succeeded, outcome
    assert [
        findings[title] for title in ("server", "clock", "challenge", "token endpoint", "token", "data folder")
    ] == ["ok"] * 6


async def test_the_doctor_sees_an_open_file_and_a_wrong_token(registry: StandaloneRegistry, tmp_path: Path) -> None:
    """And says what to type, or to use."""
    operator = registry.data / "operator.json"
    operator.chmod(0o644)
    try:
        file = tmp_path / "token"
        file.write_text("mrg_pat_" + "x" * 36, encoding="utf-8")
        outcome = await registry.command("doctor", "--token-file", str(file))
    finally:
        operator.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert outcome.code == 1
    assert f"chmod go= {operator}" in outcome.stdout
    assert "FAILED   token:" in outcome.stdout


async def test_a_fact_by_names_takes_a_right_away(registry: StandaloneRegistry) -> None:
    """One line looks the ids up, the next one applies it; who is not known is told by name."""
    acme = ("--workspace", "acme", "--repository", "hello")
    erin = {"type": "user.set.v1", "data": {"id": str(uuid4()), "account": "erin", "active": True}}
    await registry.tell([erin])
    for role, told in (("read", "Applied 1"), ("none", "Applied 1"), ("none", "Applied 0, unchanged 1")):
        fact = await registry.command("facts", "template", "grant", *acme, "--user", "erin", "--role", role)
        assert fact.succeeded, fact
        applied = await registry.command("facts", "apply", "-", typed=fact.stdout)
        assert applied.stdout.startswith(told), applied
    unknown = await registry.command("facts", "template", "grant", *acme, "--user", "nobody", "--role", "read")
    assert "a user 'nobody'" in refusal(unknown, 1)


async def test_sources_are_listed_as_they_were_declared(registry: StandaloneRegistry) -> None:
    """For people and programs, without secrets."""
    declared = ("sources", "declare", "bitbucket:listed", "--type", "dev.moorage.scm.grant.set.v1")
    assert (await registry.command("permissions", *declared)).succeeded
    table = await registry.command("permissions", "sources", "list")
    lines = [line.split() for line in table.stdout.splitlines()]
    assert lines[0] == ["NAME", "KIND", "TRANSPORT", "WORKSPACES", "TYPES"]
    assert ["local", "manual", "http", "all", "all"] in lines
    assert ["bitbucket:listed", "continuous", "http", "all", "dev.moorage.scm.grant.set.v1"] in lines
    listed = await registry.command("permissions", "sources", "list", "--json")
    assert "bitbucket:listed" in [source["name"] for source in json.loads(listed.stdout)]
    assert "mrg_" not in table.stdout + listed.stdout


async def test_a_source_is_declared_once(registry: StandaloneRegistry) -> None:
    """Its secret is printed at the first declaration only."""
    first = await registry.command("permissions", "sources", "declare", "bitbucket:acme")
    assert first.stdout.startswith("mrg_svc_"), first
    second = await registry.command("permissions", "sources", "declare", "bitbucket:acme")
    assert second.succeeded, second
    assert "mrg_" not in second.stdout


NOBODYS = [
    (["image", "show", "acme/hello/secret"], 1),
    (["image", "list", "nope"], 1),
    (["image", "create", "acme/hello/x", "--repository", "no-such"], 1),
    (["image", "create", "acme/hello/x", "--repository", "hello"], 1),
    (["image", "create", "nope/x", "--repository", "hello"], 1),
    (["image", "set", "acme/hello/secret", "--visibility", "public"], 1),
    (["image", "delete", "acme/hello/secret", "--yes"], 1),
    (["image", "restore", "00000000-0000-4000-8000-000000000000"], 1),
    (["explain", "acme/hello/secret", "pull", "--principal", "alice"], 1),
    (["token", "create", "x", "--user", "alice"], 1),
    (["token", "revoke", "00000000-0000-4000-8000-000000000000"], 1),
]


@pytest.mark.parametrize(("arguments", "code"), NOBODYS, ids=[" ".join(case[0]) for case in NOBODYS])
async def test_who_may_not_is_told_in_two_lines(registry: StandaloneRegistry, arguments: list[str], code: int) -> None:
    """Mallory tries everything: one sentence what, one what to do, nothing about what is hidden."""
    refusal(await registry.command(*arguments, user="mallory"), code)
