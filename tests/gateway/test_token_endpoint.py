"""`/token`: forms of asking, and what the answer says (protocol.md §3; R48-R52, R60)."""

from datetime import datetime
from typing import Any

import pytest
from aiohttp import FormData, encode_basic_auth

from gateway.site import Answer, Site
from moorage.access.principal import Scope
from moorage.gateway.keys import KeyRing
from moorage.gateway.tokens import BearerTokens

APP = "acme/ledger/api"


async def post(site: Site, auth: str | None = None, **fields: str | list[str]) -> Answer:
    """Sends a form; a list is a repeated field."""
    form = FormData()
    for name, values in fields.items():
        for value in values if isinstance(values, list) else [values]:
            form.add_field(name, value)
    return await site.ask("POST", "/token", auth=auth, data=form)


def said(site: Site, answer: Answer) -> Any:
    """What the token in an answer says."""
    settings = site.gateway._settings
    ring = KeyRing(settings.secrets_dir, site.clock)
    return BearerTokens(ring, settings.public_url, settings.service, 300).verify(answer.json["token"], site.clock.now())


async def test_the_answer_has_what_clients_read(site: Site) -> None:
    """Equal `token` and `access_token`, a life, a moment in UTC, and it may not be cached."""
    answer = await site.ask("GET", f"/token?service=moorage&scope=repository:{APP}:pull", auth=site.basic("carol"))
    assert answer.json["token"] == answer.json["access_token"]
    assert answer.json["expires_in"] == 300
    assert datetime.fromisoformat(answer.json["issued_at"]) == site.clock.now()
    assert answer.json.keys() == {"token", "access_token", "expires_in", "issued_at"}
    assert answer.headers["Cache-Control"] == "no-store"


async def test_the_grant_does_not_depend_on_rights_or_names(site: Site) -> None:
    """Existing, hidden and absent are the same; roles are not consulted (R50)."""
    names = (APP, "acme/vault/secret", "acme/vault/absent", "nowhere/x")
    answer = await site.ask(
        "GET", "/token", auth=site.basic("dave"), params=[("scope", f"repository:{name}:pull,push") for name in names]
    )
    assert said(site, answer).grants == {name: {"pull", "push"} for name in names}


async def test_what_the_credential_may_never_do_is_listed_with_nothing(site: Site) -> None:
    """200, and `actions: []`."""
    site.secrets["carol"] = site.village.token("carol", frozenset({Scope.READ}))
    params = [("scope", f"repository:{APP}:push"), ("scope", "repository:acme/ledger/open:pull,push")]
    answer = await site.ask("GET", "/token", auth=site.basic("carol"), params=params)
    assert answer.status == 200
    assert said(site, answer).grants == {APP: set(), "acme/ledger/open": {"pull"}}


async def test_anonymous_gets_a_token_that_names_nobody(site: Site) -> None:
    """It can pull, and no more."""
    answer = await site.ask("GET", f"/token?scope=repository:{APP}:pull,push,delete")
    assert answer.status == 200
    assert said(site, answer).identity.principal.id is None
    assert said(site, answer).grants == {APP: {"pull"}}


async def test_a_form_with_a_password(site: Site) -> None:
    """Scopes joined by spaces or repeated; the answer says what was granted."""
    scope = [f"repository:{APP}:push,pull repository:acme/x:pull", "repository:acme/y:*"]
    answer = await post(site, grant_type="password", username="u", password=site.secrets["bob"], scope=scope)
    assert answer.status == 200
    assert answer.json["scope"] == (
        f"repository:{APP}:pull,push repository:acme/x:pull repository:acme/y:delete,pull,push"
    )


async def test_an_offline_token_that_is_not_to_be_had_is_left_out(site: Site) -> None:
    """Clients go on with their password."""
    answer = await site.ask("GET", "/token?offline_token=true&client_id=docker", auth=site.basic("bob"))
    assert answer.status == 200
    assert "refresh_token" not in answer.json
    form = await post(site, grant_type="password", username="u", password=site.secrets["bob"], access_type="offline")
    assert "refresh_token" not in form.json


@pytest.mark.parametrize("name", ["account", "client_id", "X-Forwarded-User", "sub"])
async def test_nothing_else_changes_who_it_is(site: Site, name: str) -> None:
    """`account` is information only (R52)."""
    answer = await site.ask("GET", "/token", auth=site.basic("dave"), params={name: "alice"}, headers={name: "alice"})
    assert said(site, answer).identity == site.village.secrets[site.secrets["dave"]][0]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400),
        ({"service": "moorage", "scope": f"repository:{APP}:pull"}, 400),
        ({"grant_type": "password"}, 400),
        ({"grant_type": "password", "username": "alice", "password": "wrong"}, 401),
        ({"grant_type": "refresh_token"}, 401),
        ({"grant_type": "refresh_token", "refresh_token": "mrg_ref_x"}, 401),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"}, 400),
        ({"grant_type": "client_credentials"}, 400),
    ],
)
async def test_forms_that_are_refused(site: Site, fields: dict[str, str], status: int) -> None:
    """4xx with the errors form; 401 asks for Basic."""
    answer = await post(site, **fields)
    assert answer.status == status
    assert answer.code == {400: "UNSUPPORTED", 401: "UNAUTHORIZED"}[status]
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)


@pytest.mark.parametrize("scope", ["repository", "repository:A/B:pull", " ".join(["repository:a/b:pull"] * 65)])
async def test_malformed_scopes_are_400(site: Site, scope: str) -> None:
    """By GET and by POST."""
    assert (await site.ask("GET", "/token", params={"scope": scope})).status == 400
    form = await post(site, grant_type="password", username="u", password=site.secrets["bob"], scope=scope)
    assert form.status == 400


async def test_a_wrong_password_is_401_with_basic(site: Site) -> None:
    """Also where anonymous would get a token."""
    answer = await site.ask("GET", "/token", auth=encode_basic_auth("alice", "wrong"))
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="moorage",charset="UTF-8"'
    assert b"wrong" not in answer.body


@pytest.mark.parametrize(
    ("headers", "data", "status"),
    [
        ({"Content-Type": "application/json"}, b"{}", 415),
        ({"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}, b"x", 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a" * 70_000, 413),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"\xff", 400),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=1&" * 300, 400),
    ],
)
async def test_bodies_that_are_refused(site: Site, headers: dict[str, str], data: bytes, status: int) -> None:
    """Too large, compressed, of another type, with too many fields."""
    answer = await site.ask("POST", "/token", headers=headers, data=data)
    assert answer.status == status
    assert answer.code


async def test_other_methods_have_no_meaning(site: Site) -> None:
    """405."""
    assert (await site.ask("DELETE", "/token")).status == 405
