"""Ids of decisions and the records behind them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from moorage.access.action import Action
from moorage.access.audit import AuditRecord, Deed, Mode
from moorage.access.consistency import ConsistencyToken
from moorage.access.decision import Decision
from moorage.access.decision_id import new_decision_id
from moorage.access.principal import Identity, Principal, PrincipalKind
from moorage.access.reason import Reason
from moorage.access.role import Role

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
BOB = Identity(Principal(PrincipalKind.USER, UUID(int=1)), UUID(int=2))


def test_ids_sort_by_the_moment_of_the_decision() -> None:
    """As text and as UUIDs; to the microsecond, over a whole second and over years."""
    moments = [NOON + timedelta(microseconds=step) for step in range(0, 1_000_000, 997)]
    moments += [NOON + timedelta(days=step) for step in range(1, 4000, 37)]
    ids = [new_decision_id(at) for at in moments]
    assert ids == sorted(ids)
    assert list(map(str, ids)) == sorted(map(str, ids))


def test_ids_are_uuids_of_version_7_and_never_the_same() -> None:
    """Also of one moment (RFC 9562)."""
    ids = {new_decision_id(NOON) for _ in range(1000)}
    assert len(ids) == 1000
    assert {(id.version, id.variant) for id in ids} == {(7, "specified in RFC 4122")}
    assert {id.int >> 80 for id in ids} == {int(NOON.timestamp() * 1000)}


def test_a_record_says_who_what_and_where() -> None:
    """And goes over the wire without a loss."""
    decision = Decision(Reason.NO_WRITE, Role.READ, True, ConsistencyToken(7, 88123403))
    made = AuditRecord.of(BOB, Deed.PUSH, decision, NOON, Mode.LOCAL)
    assert (made.allow, made.who, made.token) == (False, BOB.principal, decision.token)
    assert AuditRecord.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize("readable", [True, False])
def test_the_principal_reads_of_a_hidden_image_what_it_was_told(readable: bool) -> None:
    """Neither which image nor which workspace, and no role (V3)."""
    decision = Decision(Reason.NO_WRITE, Role.READ, readable, ConsistencyToken(7, 1))
    made = AuditRecord.of(BOB, Deed.PUSH, decision, NOON, Mode.LOCAL).model_copy(
        update={"image": UUID(int=3), "workspace": UUID(int=4), "name": "acme/ledger/api"}
    )
    told = made.to_principal()
    assert (told.image, told.workspace) == ((made.image, made.workspace) if readable else (None, None))
    assert (told.name, told.reason, told.decision) == (made.name, made.reason, made.decision)
    assert told.role is (Role.READ if readable else Role.NONE)


def test_every_deed_that_the_rules_judge_names_its_action() -> None:
    """So that whoever reads a record knows what to ask why."""
    assert {deed.action for deed in Deed} == {*Action, None}
    assert Deed.SET_IMAGE.action is Action.MANAGE
    assert Deed.CREATE_TOKEN.action is None
