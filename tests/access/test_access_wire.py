"""What services say to one another about access: identities survive it, requests are strict, answers may grow."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from moorage.access import wire
from moorage.access.action import Action
from moorage.access.consistency import ConsistencyToken
from moorage.access.decision import Decision
from moorage.access.principal import NOBODY, Bound, Identity, Principal, PrincipalKind, Scope
from moorage.access.publishers import PipelineRun
from moorage.access.reason import Reason
from moorage.access.role import Role

principals = st.builds(Principal, st.sampled_from(PrincipalKind), st.uuids() | st.none())
bounds = st.builds(
    Bound, st.sampled_from(["repository", "project", "workspace", "image"]), st.frozensets(st.uuids(), max_size=2)
)
identities = st.builds(
    Identity,
    principals,
    st.uuids() | st.none(),
    st.frozensets(st.sampled_from(Scope)),
    bounds | st.none(),
    st.sampled_from(Role) | st.none(),
    st.datetimes(timezones=st.just(UTC)) | st.none(),
    st.builds(PipelineRun, st.uuids() | st.none(), st.text(max_size=20) | st.none(), st.booleans()) | st.none(),
)


@given(identities)
def test_an_identity_survives_the_wire(identity: Identity) -> None:
    """Nothing that limits a credential is lost on the way: not an empty bound, not an empty set of scopes."""
    body = wire.IdentityBody.model_validate_json(wire.IdentityBody.of(identity).model_dump_json())
    assert body.value() == identity


def test_anonymous_is_the_shortest_identity() -> None:
    """A kind and nothing else."""
    assert wire.IdentityBody(kind=PrincipalKind.ANONYMOUS).value() == NOBODY


@pytest.mark.parametrize("reason", Reason)
def test_a_decision_survives_the_wire(reason: Reason) -> None:
    """The answer to a check is the decision that was taken."""
    decision = Decision(reason, Role.WRITE, readable=True, token=ConsistencyToken(7, 8))
    answer = wire.CheckAnswer(reason=reason, role=Role.WRITE, readable=True, token=str(decision.token))
    assert wire.CheckAnswer.model_validate_json(answer.model_dump_json()).decision() == decision


def test_only_ok_allows() -> None:
    """Whatever else a reason says, it denies."""
    token = ConsistencyToken(7, 8)
    assert {reason for reason in Reason if Decision(reason, Role.ADMIN, True, token).allowed} == {Reason.OK}


def test_a_request_with_an_unknown_field_is_refused() -> None:
    """Its sender means something that this version doesn't do (R64)."""
    with pytest.raises(ValidationError):
        wire.CheckRequest.model_validate({**_check(), "consistency": "full"})


def test_an_answer_with_an_unknown_field_is_read() -> None:
    """Answers grow within a major version."""
    answer = {"reason": "ok", "role": 1, "readable": True, "token": "zt1.7.8", "as_of": "2026-11-23T10:00:01Z"}
    assert wire.CheckAnswer.model_validate(answer).reason is Reason.OK


@pytest.mark.parametrize(
    "change",
    [
        {"action": "erase"},
        {"identity": {"kind": "root"}},
        {"identity": {"kind": "user", "id": "bob"}},
        {"identity": {"kind": "user", "scopes": ["image:everything"]}},
        {"identity": {"kind": "user", "superuser": True}},
        {"workspace": None},
    ],
)
def test_a_request_outside_the_vocabulary_is_refused(change: dict[str, object]) -> None:
    """Every word comes from a closed list."""
    with pytest.raises(ValidationError):
        wire.CheckRequest.model_validate({**_check(), **change})


def test_a_check_is_spelt_as_the_actions_are() -> None:
    """Actions travel by their words."""
    assert wire.CheckRequest.model_validate({**_check(), "action": "delete-tag"}).action is Action.DELETE_TAG


def test_secrets_are_not_shown() -> None:
    """Neither the secret that is asked about nor a new one appears where values are printed (R54)."""
    asked = wire.AuthenticateRequest(secret="moor_s3cret")
    token = wire.TokenBody(
        id=UUID(int=1),
        name="ci",
        user=UUID(int=2),
        account="bob",
        scopes=frozenset(Scope),
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
        expires=None,
        revoked=False,
    )
    minted = wire.CreateTokenAnswer(token=token, secret="moor_s3cret")
    assert "s3cret" not in f"{asked!r} {asked} {minted!r} {minted}"


def test_a_secret_has_a_bounded_length() -> None:
    """Nobody makes us hash a megabyte."""
    with pytest.raises(ValidationError):
        wire.AuthenticateRequest(secret="x" * 257)


@pytest.mark.parametrize("days", [0, -1, 3651])
def test_a_token_lives_for_one_day_to_ten_years(days: int) -> None:
    """Or without end, if that is said."""
    with pytest.raises(ValidationError):
        wire.TokenSpec(name="ci", days=days)


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_page_has_one_to_a_thousand_images(limit: int) -> None:
    """Lists are bounded."""
    with pytest.raises(ValidationError):
        wire.ListImagesRequest(identity=wire.IdentityBody.of(NOBODY), workspace="acme", limit=limit)


def _check() -> dict[str, object]:
    return {"identity": {"kind": "anonymous"}, "workspace": "acme", "image": "api", "action": "pull"}
