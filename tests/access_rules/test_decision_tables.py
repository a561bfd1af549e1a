"""Every row of every decision table of authorization.md §1, asked of every engine (§6)."""

from typing import Final

import pytest

from access_rules.engines import disagreement
from access_rules.notation import tell
from access_rules.oracle import Oracle
from access_rules.replica_engine import ReplicaEngine
from access_rules.rules_engine import RulesEngine
from access_rules.tables import Row, rows
from moorage.access.reason import Reason

ROWS: Final = rows()
each_row = pytest.mark.parametrize("row", ROWS, ids=str)


@each_row
def test_the_oracle_answers_a_row(row: Row) -> None:
    """The naive reading of the text and the row say the same."""
    story = tell(row.given)
    finding = Oracle(story.world()).judge(story.ask(row.asked))
    assert finding.allowed == (row.reason == "ok"), finding
    assert finding.allowed or row.reason in finding.obstacles


@each_row
def test_the_rule_answers_a_row(row: Row) -> None:
    """`moorage.access.rules` gives exactly the reason of the row, and agrees with the oracle on the rest."""
    story = tell(row.given)
    world, question = story.world(), story.ask(row.asked)
    answer = RulesEngine(world).judge_now(question)
    assert answer.reason == row.reason
    assert disagreement(answer, Oracle(world).judge(question)) is None


@each_row
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0], ids=["by frames", "by both", "by snapshots"])
def test_the_replica_answers_a_row(row: Row, share: float) -> None:
    """The gateway decides from its copy what the row says, however the copy came about."""
    story = tell(row.given)
    world, question = story.world(), story.ask(row.asked)
    engine = ReplicaEngine(share)
    engine.load_now(world)
    answer, finding = engine.judge_now(question), Oracle(world).judge(question)
    assert disagreement(answer, finding) is None
    assert answer.reason == row.reason or finding.masks


def test_every_reason_that_a_decision_can_have_is_in_a_row() -> None:
    """The closed list of §4: each reason has its row, but for those that no rule of §1 gives today."""
    elsewhere = {
        "public_disabled",
        "link_changed",
        "immutable_tag",
        "protected_tag",
        "stale",
        "authority_stale",
        "not_ready",
    }
    assert {row.reason for row in ROWS} == {reason.value for reason in Reason} - elsewhere


def test_row_names_are_unique() -> None:
    """A row is found by its table, name and question."""
    assert len({str(row) for row in ROWS}) == len(ROWS)
