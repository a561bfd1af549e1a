"""Refusals as RFC 9457 problems: each kind survives its document."""

import pytest

from moorage.access import problems
from moorage.access.problems import Problem


@pytest.mark.parametrize("kind", problems.KINDS.values(), ids=list(problems.KINDS))
def test_a_problem_survives_its_document(kind: type[Problem]) -> None:
    """Kind, status, words and members come back."""
    problem = kind("ask an admin of acme/ledger", reason="record_missing", refused=[{"line": 7}])
    parsed = problems.parse(problem.body())
    assert type(parsed) is kind
    assert parsed.body() == problem.body()


@pytest.mark.parametrize("kind", problems.KINDS.values(), ids=list(problems.KINDS))
def test_a_problem_has_what_rfc_9457_asks(kind: type[Problem]) -> None:
    """A type URI that ends in the kind, a title, and the status that is sent."""
    body = kind("words").body()
    assert body["type"] == f"https://moorage.dev/problems/{kind.slug}"
    assert body["title"]
    assert body["status"] == kind.status
    assert body["detail"] == "words"


def test_kinds_are_told_apart_by_their_slug() -> None:
    """No two kinds share one, and every subclass is listed."""
    ours = {kind for kind in Problem.__subclasses__() if kind.__module__ == problems.__name__}
    assert set(problems.KINDS.values()) == ours
    assert len({kind.slug for kind in ours}) == len(ours)


def test_an_unknown_kind_is_a_plain_problem_with_its_status() -> None:
    """A newer service may have kinds that we don't know."""
    parsed = problems.parse({"type": "https://moorage.dev/problems/quota-exceeded", "status": 429, "detail": "full"})
    assert type(parsed) is Problem
    assert (parsed.status, parsed.detail) == (429, "full")


def test_an_empty_document_is_a_plain_problem() -> None:
    """What a proxy answers is still an error, never a success."""
    assert problems.parse({}).status == 500


def test_a_status_of_one_refusal_does_not_change_the_kind() -> None:
    """The status that was sent belongs to the refusal, not to the class."""
    problems.parse({"type": "https://moorage.dev/problems/not-found", "status": 410, "detail": ""})
    assert problems.NotFound("").status == 404
