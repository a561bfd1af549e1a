"""Which credentials open `/v2/`, and how wrong ones are told off (R1, R51, R60; limits of R141)."""

from base64 import b64encode
from datetime import timedelta

import pytest
from aiohttp import encode_basic_auth
from multidict import CIMultiDict

from gateway.site import Site
from moorage.access.principal import Scope
from moorage.access.secrets import SecretKind, mint_secret

CHALLENGE = 'Bearer realm="https://registry.example/token",service="moorage"'


def raw_basic(text: bytes) -> str:
    """A Basic header with anything in it."""
    return f"Basic {b64encode(text).decode()}"


async def test_everyone_unauthenticated_is_challenged(site: Site) -> None:
    """One Bearer challenge without a scope, also with a public image about, also for an anonymous token."""
    answer = await site.ask("GET", "/v2/")
    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"] == CHALLENGE
    token = (await site.ask("GET", "/token")).json["token"]
    assert (await site.ask("GET", "/v2/", auth=f"Bearer {token}")).status == 401


async def test_a_valid_credential_is_let_in(site: Site) -> None:
    """The secret as Basic, or a bearer token of any scope."""
    assert (await site.ask("GET", "/v2/", auth=site.basic("dave"))).status == 200
    assert (await site.ask("GET", "/v2/", auth=await site.bearer("dave"))).status == 200


@pytest.mark.parametrize(
    "auth",
    [
        "",
        "Basic",
        "Basic !!!",
        "Bearer",
        "Bearer x",
        "Bearer a.b.c",
        "Digest username=x",
        "Negotiate abc",
        raw_basic(b"no colon"),
        raw_basic(b"\xff\xfe:x"),
        raw_basic(b"alice:"),
        raw_basic(b"alice:password"),
        raw_basic(b"alice:" + b"x" * 5000),
        encode_basic_auth("alice", "mrg_pat_" + "a" * 36),
        encode_basic_auth("alice", mint_secret(SecretKind.PERSONAL)),
        encode_basic_auth("alice", mint_secret(SecretKind.REFRESH)),
        "Bearer " + mint_secret(SecretKind.PERSONAL),
    ],
    ids=lambda auth: auth[:13],  # secrets differ from run to run; test names must not
)
@pytest.mark.parametrize("path", ["/v2/", "/v2/acme/ledger/open/tags/list"])
async def test_anything_else_is_401_and_never_anonymous(site: Site, auth: str, path: str) -> None:
    """Also where anonymous would be let in: a typing error must be visible (R51)."""
    answer = await site.ask("GET", path, headers={"Authorization": auth})
    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"].startswith(CHALLENGE)


async def test_two_credentials_are_none(site: Site) -> None:
    """Nobody has to guess which one counts."""
    headers = CIMultiDict([("Authorization", site.basic("alice")), ("Authorization", site.basic("bob"))])
    for path in ("/v2/", "/token", "/api/v1/tokens"):
        assert (await site.ask("GET", path, headers=headers)).status == 401


async def test_the_secret_of_a_bearer_token_is_no_password(site: Site) -> None:
    """Registry tokens are never accepted by the token endpoint, nor as Basic (R60)."""
    token = (await site.bearer("alice")).removeprefix("Bearer ")
    for auth in (encode_basic_auth("alice", token), f"Bearer {token}"):
        assert (await site.ask("GET", "/token", auth=auth)).status == 401
    assert (await site.ask("GET", "/v2/", auth=encode_basic_auth("alice", token))).status == 401


@pytest.mark.parametrize(
    ("scopes", "pull", "push", "delete"),
    [
        ({Scope.READ}, 404, 401, 401),
        ({Scope.WRITE}, 404, 202, 401),
        ({Scope.DELETE}, 401, 401, 404),
        ({Scope.ADMIN}, 404, 202, 404),
        (set(), 401, 401, 401),
    ],
)
async def test_a_credential_has_the_same_limits_on_every_route(
    site: Site, scopes: set[Scope], pull: int, push: int, delete: int
) -> None:
    """Shown directly or exchanged for a token; 404 is a missing tag, which only who got through is told of."""
    site.secrets["alice"] = site.village.token("alice", frozenset(scopes))
    await site.caught_up()
    for auth in (site.basic("alice"), await site.bearer("alice", "repository:acme/ledger/api:*")):
        assert (await site.ask("GET", "/v2/acme/ledger/api/manifests/none", auth=auth)).status == pull
        assert (await site.ask("POST", "/v2/acme/ledger/api/blobs/uploads/", auth=auth)).status == push
        assert (await site.ask("DELETE", "/v2/acme/ledger/api/manifests/none", auth=auth)).status == delete


async def test_who_sends_the_user_name_does_not_matter(site: Site) -> None:
    """The token says who it is (§8); any name is accepted with it."""
    auth = encode_basic_auth("somebody else", site.secrets["alice"])
    assert (await site.ask("POST", "/v2/acme/ledger/new/blobs/uploads/", auth=auth)).status == 202


async def test_a_secret_is_asked_about_once_in_a_while(site: Site) -> None:
    """Remembered for half a minute, in memory, not in the clear."""
    for _ in range(3):
        assert (await site.ask("GET", "/v2/", auth=site.basic("dave"))).status == 200
    assert site.village.questions.count("authenticate") == 1
    site.clock.advance(timedelta(seconds=31))
    assert (await site.ask("GET", "/v2/", auth=site.basic("dave"))).status == 200
    assert site.village.questions.count("authenticate") == 2


async def test_ten_failed_logins_a_minute_are_enough(site: Site) -> None:
    """429 with Retry-After, for this user name from this address; others go on."""
    wrong = encode_basic_auth("alice", mint_secret(SecretKind.PERSONAL))
    statuses = [(await site.ask("GET", "/token", auth=wrong)).status for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    answer = await site.ask("GET", "/v2/", auth=wrong)
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (429, "TOOMANYREQUESTS", "60")
    assert (await site.ask("GET", "/token", auth=site.basic("bob"))).status == 200
    site.clock.advance(timedelta(seconds=60))
    assert (await site.ask("GET", "/token", auth=site.basic("alice"))).status == 200


async def test_without_the_authority_nobody_new_gets_in(site: Site) -> None:
    """503, never 401: the client must not drop its credential. Who is remembered goes on."""
    assert (await site.ask("GET", "/v2/", auth=site.basic("bob"))).status == 200
    site.village.away = True
    assert (await site.ask("GET", "/v2/", auth=site.basic("bob"))).status == 200
    for path in ("/v2/", "/token"):
        answer = await site.ask("GET", path, auth=site.basic("dave"))
        assert (answer.status, answer.code) == (503, "UNAVAILABLE")
        assert "Retry-After" in answer.headers
