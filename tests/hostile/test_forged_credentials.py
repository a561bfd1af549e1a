"""Bearer tokens of the attacker's own making, odd headers, odd forms and odd scopes (R48-R60)."""

import json
import time
from typing import Final
from urllib.parse import quote

import pytest
import pytest_asyncio

from hostile.attacker import FORM, JSON, Attacker, Headers, basic
from hostile.genuine import Genuine, decoded, encoded, key_of
from servers.registry import StandaloneRegistry

NAME: Final = "acme/hello/forged"
SCOPE: Final = f"repository:{NAME}:pull"
PLACES: Final = ("/v2/", f"/v2/{NAME}/tags/list")


@pytest_asyncio.fixture
async def genuine(registry: StandaloneRegistry, attacker: Attacker) -> Genuine:
    """A token of alice's."""
    await attacker.push("alice", NAME)
    text = (await attacker.bearer("alice", SCOPE)).removeprefix("Bearer ")
    return Genuine(text, key_of(registry))


async def test_forged_tokens_are_refused_alike_everywhere(attacker: Attacker, genuine: Genuine) -> None:
    """401 with a challenge for each, never a 5xx; the genuine one opens both places."""
    head, payload, signature = genuine.text.split(".")
    now = int(time.time())
    forged = {
        "alg none": genuine.with_header({"alg": "none"}),
        "alg none, no signature": f"{encoded(json.dumps({**genuine.header, 'alg': 'none'}).encode())}.{payload}.",
        "alg HS256": genuine.with_public_key_as_secret(),
        "alg a list": genuine.with_header({"alg": ["ES256"]}),
        "kid a path": genuine.with_header({"kid": "../../../../dev/null"}),
        "kid a number": genuine.with_header({"kid": 7}),
        "kid an object": genuine.with_header({"kid": {}}),
        "kid huge": genuine.with_header({"kid": "k" * 9000}),
        "jwk of its own": genuine.with_header({"jwk": genuine.key.as_dict(private=False)}),
        "jku": genuine.with_header({"jku": "http://169.254.169.254/"}),
        "crit": genuine.with_header({"crit": ["exp"], "exp": 1}),
        "header a list": genuine.with_header(b"[]"),
        "header not UTF-8": genuine.with_header(b'{"\xff":1}'),
        "header UTF-16": genuine.with_header('{"alg":"ES256"}'.encode("utf-16")),
        "header deep": genuine.with_header(b"[" * 5000),
        "header a huge number": genuine.with_header(b'{"alg":' + b"9" * 5000 + b"}"),
        "no signature": f"{head}.{payload}.",
        "zero signature": f"{head}.{payload}.{encoded(bytes(64))}",
        "short signature": f"{head}.{payload}.AAAA",
        "two signatures": f"{genuine.text}.{signature}",
        "something behind it": f"{genuine.text} x",
        "16 KiB and more": f"{'A' * 17_000}.A.A",
        "letters of others": "e\xe9.a.b",
        "payload a list": genuine.signed(b"[]"),
        "payload not UTF-8": genuine.signed(b"\xff\xfe"),
        "expired": genuine.signed({"exp": now - 61}),
        "of the future": genuine.signed({"nbf": now + 120}),
        "of another issuer": genuine.signed({"iss": "http://elsewhere"}),
        "for somebody else": genuine.signed({"aud": "elsewhere"}),
        "for several": genuine.signed({"aud": ["moorage"]}),
        "exp a text": genuine.signed({"exp": str(now + 60)}),
        "exp a bool": genuine.signed({"exp": True}),
        "exp endless": genuine.signed(b'{"exp":1e999}'),
        "sub another's": genuine.signed({"sub": "user:00000000-0000-4000-8000-000000000000"}),
        "sub null": genuine.signed({"sub": None}),
        "access a text": genuine.signed({"access": "*"}),
        "access of lists": genuine.signed({"access": [{"type": "repository", "name": [], "actions": ["pull"]}]}),
        **{f"no {claim}": genuine.without(claim) for claim in ("iat", "jti", "exp", "nbf", "aud", "identity")},
    }
    for place in PLACES:
        assert (await attacker.ask("GET", place, auth=f"Bearer {genuine.text}")).status == 200
        answers = {what: await attacker.ask("GET", place, auth=f"Bearer {text}") for what, text in forged.items()}
        wrong = {what: answer for what, answer in answers.items() if answer.status != 401}
        assert not wrong
        assert all('realm="' in answer.header("WWW-Authenticate") for answer in answers.values())


async def test_every_kind_of_credential_has_its_places(attacker: Attacker, genuine: Genuine) -> None:
    """A registry token opens `/v2/` only, an operator's secret no image, a secret no internal endpoint (R60)."""
    bearer, alice = f"Bearer {genuine.text}", f"Bearer {attacker.secrets['alice']}"
    assert (await attacker.ask("GET", "/token", auth=bearer)).status == 401
    assert (await attacker.ask("GET", "/api/v1/tokens", auth=bearer)).status == 401
    assert (await attacker.ask("GET", "/v2/", auth=alice)).status == 401
    assert (await attacker.ask("GET", "/v2/", auth=f"Bearer mrg_ref_{'a' * 36}")).status == 401
    operator = await attacker.bearer("operator", f"repository:{NAME}:*")
    assert (await attacker.ask("GET", f"/v2/{NAME}/tags/list", auth=operator)).status == 401


@pytest.mark.parametrize(
    "values",
    [
        ["Basic"],
        ["Bearer"],
        ["Digest x"],
        ["Basic !!!"],
        ["Basic bm9jb2xvbg=="],
        ["Basic //86/w=="],
        ["Basic YTpiAA=="],
        [f"Basic {'A' * 60_000}"],
        ["Basic \xff\xfe"],
        ["Bearer \xff\xfe"],
        ["Bearer a b"],
        ["Bearer a,Basic b"],
        ["Bearer x", "Bearer x"],
        ["Bearer x", "Basic x"],
    ],
)
async def test_odd_authorization_headers_are_401_everywhere(attacker: Attacker, values: list[str]) -> None:
    """Bytes that are no text broke the management API once."""
    for place in (*PLACES, "/token", "/api/v1/tokens", "/api/v1/images?workspace=acme"):
        answer = await attacker.ask("GET", place, headers=[("Authorization", value) for value in values])
        assert (answer.status, answer.header("WWW-Authenticate") != "") == (401, True), place


async def test_a_second_credential_spoils_the_first(attacker: Attacker) -> None:
    """A proxy and we might look at different ones."""
    alice = attacker.basic("alice")
    for place in (*PLACES, "/token", "/api/v1/tokens"):
        doubled = [("Authorization", alice), ("Authorization", alice)]
        assert (await attacker.ask("GET", place, headers=doubled)).status == 401


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ([], b"", 400),
        ([], b"grant_type=password", 415),
        ([JSON], b"{}", 415),
        ([("Content-Type", "multipart/form-data; boundary=x")], b"--x", 415),
        ([FORM, ("Content-Encoding", "gzip")], b"x", 415),
        ([FORM], b"grant_type=password", 400),
        ([FORM], b"grant_type=refresh_token&refresh_token=mrg_ref_x", 401),
        ([FORM], b"grant_type=urn:ietf:params:oauth:grant-type:token-exchange", 400),
        ([FORM], b"grant_type=password&grant_type=refresh_token&password=x", 400),
        ([FORM], b"grant_type=password&password=a&password=b", 400),
        ([FORM], b"grant_type=password&password=%ff%00&username=%00", 401),
        ([FORM], b"\xff\xfe=1", 400),
        ([FORM], b"a=1&" * 1000, 400),
        ([FORM], b"a=" + b"x" * 70_000, 413),
        ([FORM, ("Expect", "tea")], b"grant_type=password", 417),
    ],
)
async def test_odd_forms_at_the_token_endpoint(attacker: Attacker, headers: Headers, body: bytes, status: int) -> None:
    """A plain 4xx for each."""
    assert (await attacker.ask("POST", "/token", headers=headers, body=body)).status == status


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        (SCOPE, {NAME: ["pull"]}),
        (f"repository(plugin):{NAME}:push,pull", {NAME: ["pull", "push"]}),
        (f"repository:127.0.0.1:5000/{NAME}:pull", {f"127.0.0.1:5000/{NAME}": ["pull"]}),
        (f"repository:{NAME}:admin,pull", {NAME: ["pull"]}),
        (f"repository:{NAME}:", {NAME: []}),
        ("registry:catalog:* aws:x:y", {"catalog": ["*"]}),
        ("registry:catalog:pull registry:other:*", {}),
        ("  ", {}),
        (f"repository:{NAME}", None),
        ("repository::pull", None),
        ("repository:ACME:pull", None),
        ("repository:a:b:c:pull", None),
        (":::", None),
        ("repository:acme/\x00:pull", None),
        ("r\u00e9pository:a:pull", None),
        (f"repository:{'a' * 600}:pull", None),
        (" ".join(f"repository:acme/x{n}:pull" for n in range(65)), None),
    ],
)
async def test_odd_scopes(attacker: Attacker, scope: str, granted: dict[str, list[str]] | None) -> None:
    """Granted as far as a credential may ever be used, or 400."""
    answer = await attacker.ask("GET", f"/token?scope={quote(scope)}", auth=attacker.basic("alice"))
    if granted is None:
        assert answer.status == 400
    else:
        access = decoded(answer.json["token"].split(".")[1])["access"]
        assert {entry["name"]: entry["actions"] for entry in access} == granted


async def test_a_token_that_is_issued_is_accepted(attacker: Attacker) -> None:
    """As many scopes as the grammar allows, as long as it allows: 400, or a token that works (R57)."""
    login = f"grant_type=password&username=alice&password={attacker.secrets['alice']}"
    for length in (8, 120, 240):
        names = [f"{'/'.join(['x' * 60] * (length // 60 + 1))}/n{n}" for n in range(64)]
        form = "&".join([login, *(f"scope=repository:{name}:pull,push,delete" for name in names)]).encode()
        answer = await attacker.ask("POST", "/token", headers=[FORM], body=form)
        if answer.status == 200:
            assert (await attacker.ask("GET", "/v2/", auth=f"Bearer {answer.json['token']}")).status == 200
        else:
            assert answer.status == 400


async def test_guessing_is_slowed_down(attacker: Attacker) -> None:
    """429 with Retry-After for one name, at both doors; others still get in (R141)."""
    guess = basic("guesser", "wrong")
    statuses = [(await attacker.ask("GET", place, auth=guess)).status for place in ["/token", "/v2/"] * 7]
    assert (statuses[0], statuses[-1]) == (401, 429)
    refused = await attacker.ask("GET", "/v2/", auth=guess)
    assert int(refused.header("Retry-After")) > 0
    assert (await attacker.ask("GET", "/v2/", auth=attacker.basic("alice"))).status == 200
