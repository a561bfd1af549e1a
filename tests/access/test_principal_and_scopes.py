"""Principals, identities and what scopes open (authorization.md §1.1, §1.4)."""

from itertools import chain, combinations
from uuid import UUID

import pytest

from moorage.access.action import Action
from moorage.access.principal import ALL_SCOPES, ANONYMOUS, NOBODY, Principal, PrincipalKind, Scope, scopes_open

BOB = UUID("504c0000-0000-4000-8000-000000000001")


@pytest.mark.parametrize("kind", [kind for kind in PrincipalKind if kind is not PrincipalKind.ANONYMOUS])
def test_a_principal_survives_its_spelling(kind: PrincipalKind) -> None:
    """`<kind>:<uuid>` is read back the same."""
    principal = Principal(kind, BOB)
    assert str(principal) == f"{kind.value}:{BOB}"
    assert Principal.parse(str(principal)) == principal


def test_anonymous_is_spelt_without_an_id() -> None:
    """There is one anonymous principal."""
    assert str(ANONYMOUS) == "anonymous"
    assert Principal.parse("anonymous") == ANONYMOUS


@pytest.mark.parametrize("text", ["", ":", "bob", "bob:504c", f"User:{BOB}", "user:504c", "user:me", f" user:{BOB}"])
def test_nothing_else_is_a_principal(text: str) -> None:
    """An unknown kind or an id that is no UUID is a ValueError."""
    with pytest.raises(ValueError):
        Principal.parse(text)


def test_principals_of_two_kinds_are_never_equal() -> None:
    """A robot that has a user's UUID is not that user."""
    assert len({Principal(kind, BOB) for kind in PrincipalKind}) == len(PrincipalKind)


def test_nobody_is_anonymous_without_a_credential() -> None:
    """What a request without credentials is judged as."""
    assert NOBODY.principal == ANONYMOUS
    assert NOBODY.credential is None
    assert NOBODY.granted_role is None


OPENED = {
    Scope.READ: {Action.PULL},
    Scope.WRITE: {Action.PULL, Action.PUSH},
    Scope.DELETE: {Action.DELETE_TAG, Action.DELETE},
    Scope.ADMIN: set(Action),
}
SUBSETS = [frozenset(some) for some in chain.from_iterable(combinations(Scope, n) for n in range(len(Scope) + 1))]


@pytest.mark.parametrize("scopes", SUBSETS, ids=lambda some: "+".join(sorted(some)) or "none")
def test_scopes_open_what_each_of_them_opens(scopes: frozenset[Scope]) -> None:
    """Scopes only add up, and `write` deletes nothing."""
    opened = {action for action in Action if scopes_open(scopes, action)}
    assert opened == set().union(*(OPENED[scope] for scope in scopes))


def test_all_scopes_open_everything() -> None:
    """A credential without limits has every scope."""
    assert all(scopes_open(ALL_SCOPES, action) for action in Action)
