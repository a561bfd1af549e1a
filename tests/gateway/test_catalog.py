"""`/v2/_catalog`: off unless it is switched on, and then for each only what they may pull (R42)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.site import Site, open_site
from moorage.access.principal import Scope

SCOPE = "registry:catalog:*"
ALL = ["acme/ledger/api", "acme/ledger/open"]


@pytest.fixture
async def listed(tmp_path: Path) -> AsyncIterator[Site]:
    """A site with a catalogue."""
    async with open_site(tmp_path, catalog=True) as site:
        yield site


async def test_there_is_none_unless_it_is_switched_on(site: Site) -> None:
    """404, and the scope is ignored like any other that means nothing here."""
    token = await site.bearer("alice", SCOPE)
    for auth in (None, token, site.basic("alice")):
        answer = await site.ask("GET", "/v2/_catalog", auth=auth)
        assert (answer.status, answer.code) == (404, "NAME_UNKNOWN")


async def test_each_sees_what_they_may_pull(listed: Site) -> None:
    """With the secret itself, or with a token for the catalogue."""
    for user, names in (("alice", ALL), ("carol", ALL), ("vera", ["acme/ledger/open", "acme/vault/secret"])):
        for auth in (listed.basic(user), await listed.bearer(user, SCOPE)):
            answer = await listed.ask("GET", "/v2/_catalog", auth=auth)
            assert (answer.status, answer.json) == (200, {"repositories": names})
            assert answer.headers["Cache-Control"] == "private"


@pytest.mark.parametrize("scopes", [(), ("repository:acme/ledger/api:*",), ("registry:catalog:pull",)])
async def test_a_token_for_something_else_does_not_open_it(listed: Site, scopes: tuple[str, ...]) -> None:
    """401 that asks for the right scope."""
    answer = await listed.ask("GET", "/v2/_catalog", auth=await listed.bearer("alice", *scopes))
    assert answer.status == 401
    assert f'scope="{SCOPE}",error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


async def test_nobody_is_shown_nothing(listed: Site) -> None:
    """Not even public images, nor with an anonymous token for it (CVE-2020-29662)."""
    token = (await listed.ask("GET", f"/token?scope={SCOPE}")).json["token"]
    for auth in (None, f"Bearer {token}"):
        answer = await listed.ask("GET", "/v2/_catalog", auth=auth)
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED")


async def test_a_credential_that_reads_nothing_lists_nothing(listed: Site) -> None:
    """Directly or by a token (R60)."""
    listed.secrets["alice"] = listed.village.token("alice", frozenset({Scope.DELETE}))
    await listed.caught_up()
    for auth in (listed.basic("alice"), await listed.bearer("alice", SCOPE)):
        assert (await listed.ask("GET", "/v2/_catalog", auth=auth)).status == 401


async def test_a_token_for_the_catalogue_opens_no_image(listed: Site) -> None:
    """One type is not the other."""
    token = await listed.bearer("alice", SCOPE)
    assert (await listed.ask("GET", "/v2/acme/ledger/api/tags/list", auth=token)).status == 401


async def test_pages_joined_are_the_whole(listed: Site) -> None:
    """By links that stay here, the last page without one; `n=0` is an empty page."""
    auth, path, names = listed.basic("alice"), "/v2/_catalog?n=1", list[str]()
    while path:
        answer = await listed.ask("GET", path, auth=auth)
        names += answer.json["repositories"]
        link = answer.headers.get("Link", "")
        path = link.partition("<")[2].partition(">")[0]
        assert link in ("", f'<{path}>; rel="next"')
    assert names == ALL
    nothing = await listed.ask("GET", "/v2/_catalog?n=0", auth=auth)
    assert (nothing.json, "Link" in nothing.headers) == ({"repositories": []}, False)


@pytest.mark.parametrize(
    ("last", "names"), [("acme", ALL), ("acme/ledger/b", ALL[1:]), ("acme/~", []), ("b/c", []), ("aaa/x", ALL)]
)
async def test_last_need_not_exist(listed: Site, last: str, names: list[str]) -> None:
    """What comes after it."""
    answer = await listed.ask("GET", f"/v2/_catalog?last={last}", auth=listed.basic("alice"))
    assert answer.json["repositories"] == names


@pytest.mark.parametrize("query", ["n=-1", "n=x", "n=1&n=2", "last=%00", "last=A/b", "last=a//b", "last=../~x"])
async def test_odd_parameters_are_400(listed: Site, query: str) -> None:
    """In the form of the specification, before anybody is asked who they are."""
    answer = await listed.ask("GET", f"/v2/_catalog?{query}")
    assert answer.status == 400
    assert answer.code in ("UNSUPPORTED", "NAME_INVALID")


async def test_without_the_authority_it_is_not_half_a_list(listed: Site) -> None:
    """503 with Retry-After (R80)."""
    token = await listed.bearer("alice", SCOPE)
    listed.village.away = True
    answer = await listed.ask("GET", "/v2/_catalog", auth=token)
    assert (answer.status, answer.code, "Retry-After" in answer.headers) == (503, "UNAVAILABLE", True)
