"""`moorage explain` and `moorage access …` against a real registry."""

import asyncio
import json

import pytest

from moorage.standalone.demo import demo_id
from servers.client_process import Outcome
from servers.registry import StandaloneRegistry

pytestmark = pytest.mark.timeout(180)
NAME = "acme/hello/insight"


@pytest.fixture(scope="module")
def registry(registry: StandaloneRegistry) -> StandaloneRegistry:
    """One demo with one image."""
    created = asyncio.run(registry.command("image", "create", NAME, "--repository", "hello", user="alice"))
    assert created.succeeded, created
    return registry


def told(outcome: Outcome) -> str:
    """What a command printed."""
    assert outcome.succeeded, outcome
    return outcome.stdout


async def test_explain_shows_who_set_what_and_goes_back(registry: StandaloneRegistry) -> None:
    """The filter that stands in the way with its change, remedies with names, and the same question of before."""
    before = json.loads(told(await registry.command("check", NAME, "push", "--json", user="bob")))["token"]
    await registry.command("image", "set", NAME, "--push-policy", "admins_only", user="alice")
    now = told(await registry.command("explain", NAME, "push", user="bob"))
    assert "push_policy admins_only: stands in the way since" in now
    assert "push_policy set to admins_only by user:" in now
    assert "recent changes" in now
    assert "it would be allowed if" in now
    then = told(await registry.command("explain", NAME, "push", "--at", before, user="bob"))
    assert then.splitlines()[0].startswith("allow user:")
    await registry.command("image", "set", NAME, "--push-policy", "repository_write", user="alice")


async def test_explain_of_a_pipeline_that_might_run(registry: StandaloneRegistry) -> None:
    """By claims that are written down."""
    claims = json.dumps({"repository": "hello", "branch": "main"})
    shown = told(await registry.command("explain", NAME, "push", "--claims", claims, "--json", user="alice"))
    assert json.loads(shown)["reason"] == "environment_not_publisher"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["explain", NAME, "push", "--at", "yesterday"], 1, "At is a position or an instant"),
        (["explain", NAME, "push", "--at", "2001-01-01T00:00:00Z"], 1, "not in the history that is kept"),
        (["explain", NAME, "push", "--claims", "main"], 2, "not a JSON object"),
        (["access", "diff", "--from", "zt1.1.1"], 2, "one of an image, or of somebody in a workspace"),
        (["access", "preview", "/nowhere", "--workspace", "acme"], 2, "cannot be read"),
        (["access", "offboarding", "carol"], 1, "Name a workspace that you own"),
    ],
)
async def test_errors_say_what_to_do(registry: StandaloneRegistry, arguments: list[str], code: int, says: str) -> None:
    """One sentence, one remedy."""
    outcome = await registry.command(*arguments, user="alice")
    assert (outcome.code, outcome.stdout) == (code, "")
    assert says in outcome.stderr
    assert "Traceback" not in outcome.stderr


async def test_who_and_what(registry: StandaloneRegistry) -> None:
    """For people and for programs."""
    tree = told(await registry.command("access", "who", NAME, user="alice"))
    assert "bob write" in tree
    assert "pipelines of hello: pull" in tree
    holders = json.loads(told(await registry.command("access", "who", NAME, "--role", "admin", "--json", user="alice")))
    assert {each["role"] for each in holders} == {"admin"}
    table = told(await registry.command("access", "what", "bob", "--workspace", "acme", user="bob"))
    assert NAME in table
    assert (await registry.command("access", "who", NAME, user="bob")).code == 1


async def test_a_difference_and_its_preview(registry: StandaloneRegistry) -> None:
    """What is told before a change is what is told after it."""
    before = json.loads(told(await registry.command("check", NAME, "pull", "--json", user="alice")))["token"]
    fact = {
        "type": "grant.set.v1",
        "data": {
            "workspace": str(demo_id("workspace", "acme")),
            "node": {"kind": "repository", "id": str(demo_id("repository", "hello"))},
            "grantee": {"kind": "user", "id": str(demo_id("user", "dave"))},
            "role": "write",
        },
    }
    text = json.dumps(fact)
    tried = told(await registry.command("access", "preview", "-", "--workspace", "acme", user="alice", typed=text))
    assert "nothing was changed" in tried
    assert "(dave) on acme/hello/insight: none → write +pull +push" in tried.replace("+delete-tag ", "")
    since = ("access", "diff", NAME, "--from", before)
    assert "0 differences" in told(await registry.command(*since, user="alice"))
    told(await registry.command("facts", "apply", "-", typed=text))
    shown = told(await registry.command(*since, user="alice"))
    assert "(dave) on acme/hello/insight: none → write" in shown
    assert "dave has write on repository hello" in shown
    own = await registry.command(
        "access", "diff", "--principal", "dave", "--workspace", "acme", "--from", before, "--json", user="dave"
    )
    assert [(each["before"], each["after"]) for each in json.loads(told(own)) if each["image"] == NAME] == [
        ("none", "write")
    ]


async def test_offboarding(registry: StandaloneRegistry) -> None:
    """Not before the account is deactivated."""
    refused = await registry.command("access", "offboarding", "bob", "--workspace", "acme", user="carol")
    assert refused.code == 1
