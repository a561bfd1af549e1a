"""The scope grammar of the token protocol: what is read, what is granted, what is refused (R48, R50)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.access.action import Action
from moorage.access.principal import ALL_SCOPES, Scope
from moorage.gateway import scopes
from moorage.gateway.scopes import MAX_SCOPES, ScopeMalformed

NAMES = st.from_regex(r"(localhost:5000/)?[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,2}", fullmatch=True)
ACTIONS = st.lists(st.sampled_from(["pull", "push", "delete", "*", "fly"]), max_size=4)


@pytest.mark.parametrize(
    ("texts", "asked"),
    [
        ([], {}),
        ([""], {}),
        (["repository:acme/app:pull"], {"acme/app": {"pull"}}),
        (["repository:acme/app:push,pull"], {"acme/app": {"pull", "push"}}),
        (["repository(plugin):acme/app:pull"], {"acme/app": {"pull"}}),
        (["repository:localhost:5000/acme/app:pull"], {"localhost:5000/acme/app": {"pull"}}),
        (["repository:acme/app:*"], {"acme/app": {"*"}}),
        (["repository:acme/app:"], {"acme/app": set()}),
        (["repository:a/b:pull repository:a/c:push"], {"a/b": {"pull"}, "a/c": {"push"}}),
        (["repository:a/b:pull", "repository:a/b:push"], {"a/b": {"pull", "push"}}),
        (["registry:catalog:*"], {"registry:catalog": {"*"}}),
        (["registry:catalog:pull registry:other:*"], {}),
        (["other:thing:do repository:a/b:pull"], {"a/b": {"pull"}}),
    ],
)
def test_what_is_asked_for(texts: list[str], asked: dict[str, set[str]]) -> None:
    """Repeated or joined by spaces, in any order; the union per name; unknown types are ignored."""
    assert scopes.parse(texts) == asked


@pytest.mark.parametrize(
    "text",
    [
        "repository",
        "repository:acme/app",
        "acme/app:pull",
        ":acme/app:pull",
        "repository::pull",
        "repository:Acme/App:pull",
        "repository:acme/../app:pull",
        "repository:acme/app:PULL",
        "repository:acme/app:pull,,push;",
        "repository(:acme/app:pull",
        'repository:acme/app":pull',
        "repository:acme/app:pull\n",
        "repository:" + "a" * 600 + ":pull",
    ],
)
def test_what_is_malformed(text: str) -> None:
    """400, not a guess."""
    with pytest.raises(ScopeMalformed):
        scopes.parse([text])


def test_there_is_a_limit() -> None:
    """So many and no more."""
    assert len(scopes.parse(f"repository:a/b{i}:pull" for i in range(MAX_SCOPES))) == MAX_SCOPES
    with pytest.raises(ScopeMalformed):
        scopes.parse(f"repository:a/b{i}:pull" for i in range(MAX_SCOPES + 1))


@pytest.mark.parametrize(
    ("held", "granted"),
    [
        (ALL_SCOPES, {"pull", "push", "delete"}),
        (frozenset({Scope.READ}), {"pull"}),
        (frozenset({Scope.WRITE}), {"pull", "push"}),
        (frozenset({Scope.DELETE}), {"delete"}),
        (frozenset(), set()),
    ],
)
def test_what_a_credential_may_ever_do_bounds_the_grant(held: frozenset[Scope], granted: set[str]) -> None:
    """`*` is all of it; a name for which everything was refused is listed with nothing."""
    assert scopes.grant({"a/b": frozenset({"*"})}, held) == {"a/b": granted}
    assert scopes.grant({"a/b": frozenset({"pull", "push", "delete", "fly"})}, held) == {"a/b": granted}


@given(st.dictionaries(NAMES, ACTIONS, max_size=5))
def test_what_is_spelt_is_read_again(asked: dict[str, list[str]]) -> None:
    """Whatever the names and actions are."""
    texts = [scopes.spell(name, actions) for name, actions in asked.items()]
    assert scopes.parse(texts) == {name: frozenset(actions) for name, actions in asked.items()}


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """Never anything else than ScopeMalformed."""
    try:
        asked = scopes.parse([text])
    except ScopeMalformed:
        return
    assert all(isinstance(name, str) for name in asked)


def test_a_challenge_asks_for_what_the_request_needs() -> None:
    """Who pushes looks first; a deletion of a tag or manifest is `delete`."""
    assert scopes.needed(Action.PULL) == {"pull"}
    assert scopes.needed(Action.PUSH) == {"pull", "push"}
    assert scopes.needed(Action.DELETE) == scopes.needed(Action.DELETE_TAG) == {"delete"}
