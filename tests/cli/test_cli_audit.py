"""`moorage audit` against a real registry: a denied push leads to the record of it, and from there to why."""

import asyncio
import json

import pytest

from moorage.access.audit import AuditRecord
from servers.client_process import Outcome
from servers.registry import StandaloneRegistry

pytestmark = pytest.mark.timeout(180)
NAME = "acme/hello/audited"


@pytest.fixture(scope="module")
def registry(registry: StandaloneRegistry) -> StandaloneRegistry:
    """One demo, with an image that carol may read, and that she has tried to delete."""
    asyncio.run(_attempt(registry))
    return registry


async def _attempt(registry: StandaloneRegistry) -> None:
    created = await registry.command("image", "create", NAME, "--repository", "hello", user="alice")
    assert created.succeeded, created
    denied = await registry.command("image", "delete", NAME, "--yes", user="carol")
    assert not denied.succeeded


def listed(outcome: Outcome) -> list[AuditRecord]:
    """What `audit list --json` printed."""
    assert outcome.succeeded, outcome
    return [AuditRecord.model_validate(each) for each in json.loads(outcome.stdout)]


async def test_who_administers_an_image_lists_what_was_decided_about_it(registry: StandaloneRegistry) -> None:
    """Newest first; filtered by outcome and by whom it is about."""
    everything = listed(await registry.command("audit", "list", "--image", NAME, "--json", user="alice"))
    assert [(record.deed.value, record.allow) for record in everything] == [
        ("delete-image", False),
        ("create-image", True),
    ]
    denied = listed(
        await registry.command(
            "audit", "list", "--image", NAME, "--denied", "--principal", "carol", "--hours", "1", "--json", user="alice"
        )
    )
    assert denied == everything[:1]
    table = await registry.command("audit", "list", "--image", NAME, user="alice")
    assert table.stdout.splitlines()[0].split() == ["TIME", "DECISION", "WHO", "DEED", "WHAT", "RESULT", "BY"]
    assert "denied: not_admin" in table.stdout


async def test_who_was_denied_is_shown_the_decision_and_what_to_ask_next(registry: StandaloneRegistry) -> None:
    """The command that explains it, at the position of the decision; somebody else is shown nothing."""
    (denied, _) = listed(await registry.command("audit", "list", "--image", NAME, "--json", user="alice"))
    shown = await registry.command("audit", "show", str(denied.decision), user="carol")
    assert shown.succeeded, shown
    hint = f"why: moorage explain {NAME} delete --at {denied.token}"
    assert hint in shown.stdout
    assert "not_admin" in shown.stdout
    as_json = await registry.command("audit", "show", str(denied.decision), "--json", user="carol")
    assert AuditRecord.model_validate_json(as_json.stdout) == denied
    hidden = await registry.command("audit", "show", str(denied.decision), user="dave")
    assert (hidden.code, "No decision of this id is yours to read" in hidden.stderr) == (1, True)


async def test_a_list_that_may_not_be_read_says_who_may(registry: StandaloneRegistry) -> None:
    """And an id that is none where ids are found."""
    refused = await registry.command("audit", "list", "acme", user="carol")
    assert (refused.code, "Only owners" in refused.stderr) == (1, True)
    wrong = await registry.command("audit", "show", "none", user="carol")
    assert (wrong.code, "Moorage-Decision-Id" in wrong.stderr) == (2, True)
