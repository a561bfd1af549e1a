"""What a 401 says, to the letter: clients parse it (protocol.md §3, 1; R65)."""

import pytest

from moorage.gateway.challenge import Challenge, Fault

CHALLENGE = Challenge("https://registry.example/token", "registry.example")


def header(challenge: Challenge, *scopes: str, fault: Fault | None = None) -> str:
    """The WWW-Authenticate of a refusal."""
    return challenge.bearer("no", scopes, fault).headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("scopes", "fault", "rest"),
    [
        ((), None, ""),
        (("repository:acme/app:pull",), None, ',scope="repository:acme/app:pull"'),
        (
            ("repository:acme/app:pull,push", "repository:acme/base:pull"),
            Fault.INSUFFICIENT_SCOPE,
            ',scope="repository:acme/app:pull,push repository:acme/base:pull",error="insufficient_scope"',
        ),
        ((), Fault.INVALID_TOKEN, ',error="invalid_token"'),
    ],
)
def test_the_bearer_challenge(scopes: tuple[str, ...], fault: Fault | None, rest: str) -> None:
    """One Bearer challenge, realm and service from configuration, the scope of the request."""
    expected = 'Bearer realm="https://registry.example/token",service="registry.example"' + rest
    assert header(CHALLENGE, *scopes, fault=fault) == expected


def test_the_basic_challenge() -> None:
    """The token endpoint wants a credential."""
    assert CHALLENGE.basic("no").headers["WWW-Authenticate"] == 'Basic realm="registry.example",charset="UTF-8"'


@pytest.mark.parametrize(
    ("text", "quoted"),
    [('a"b', 'a\\"b'), ("a\\b", "a\\\\b"), ("a\r\nSet-Cookie: x", "aSet-Cookie: x"), ("a\0b\x7f", "ab"), ("ä", "")],
)
def test_values_are_quoted_safely(text: str, quoted: str) -> None:
    """Nothing that a name could hold ends the string, the header or the answer."""
    assert header(Challenge(text, "s")) == f'Bearer realm="{quoted}",service="s"'
