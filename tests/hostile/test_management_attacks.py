"""The management API and the internal listener: whose objects, which fields, whose door (R60, R64, R151)."""

import gzip
import json
from typing import Any, Final

import pytest
import pytest_asyncio

from hostile.attacker import JSON, Attacker, Headers, basic

NAME: Final = "acme/hello/managed"
NO_SUCH_ID: Final = "00000000-0000-4000-8000-000000000000"
OUTSIDERS: Final = ("dave", "mallory", "operator")


@pytest_asyncio.fixture
async def image(attacker: Attacker) -> str:
    """The UUID of an image of the repository hello."""
    await attacker.push("alice", NAME)
    return await attacker.image_id("alice", NAME)


async def test_outsiders_cant_tell_a_hidden_record_from_none(attacker: Attacker, image: str) -> None:
    """By UUID and by name, reading and changing; the operator is an outsider to images as well."""
    for who in (*OUTSIDERS, None):
        auth = attacker.basic(who) if who else None
        for method, path, body in (
            ("GET", "images/{id}", None),
            ("PUT", "images/{id}/visibility", {"visibility": "public"}),
            ("PUT", "images/{id}/push-policy", {"push_policy": "repository_write"}),
            ("PUT", "images/{id}/repository", {"repository": "ledger"}),
            ("DELETE", "images/{id}", None),
            ("GET", "images?name={name}", None),
            ("GET", "check?image={name}&action=push", None),
            ("GET", "check?image={name}&action=pull", None),
            ("GET", "explain?image={name}&action=pull", None),
            ("GET", "explain?image={name}&action=pull&principal=alice", None),
            ("POST", "images", {"name": "{name}", "repository": "hello"}),
        ):
            seen = []
            for name, id_ in ((NAME, image), ("acme/hello/unmanaged", NO_SUCH_ID)):
                sent = json.loads(json.dumps(body).replace("{name}", name))
                url = f"/api/v1/{path.format(id=id_, name=name)}"
                seen.append(((await attacker.manage(method, url, sent, auth=auth)), name, id_))
            (hidden, *of_hidden), (absent, *of_absent) = seen
            assert blotted(hidden.body, *of_hidden) == blotted(absent.body, *of_absent), (who, method, path)
            assert hidden.status == absent.status


def blotted(body: bytes, name: str, id_: str) -> Any:
    """A body without what was asked about; positions and the ids of decisions go on meanwhile."""
    document = json.loads(body.replace(name.encode(), b"*").replace(id_.encode(), b"*"))
    return {key: value for key, value in document.items() if key not in ("token", "decision_id", "as_of")}


async def test_nobody_is_asked_to_log_in(attacker: Attacker, image: str) -> None:
    """401 with a challenge where a record may only be read by somebody, be it there or not (V3)."""
    for id_ in (image, NO_SUCH_ID):
        answer = await attacker.manage("GET", f"/api/v1/images/{id_}")
        assert (answer.status, answer.header("WWW-Authenticate") != "") == (401, True)


async def test_the_operator_has_no_right_on_images(attacker: Attacker, image: str) -> None:
    """Nothing is listed, and nothing changed by the attempts."""
    operator = attacker.basic("operator")
    listed = await attacker.manage("GET", "/api/v1/images?workspace=acme", auth=operator)
    assert [each["visibility"] for each in listed.json["images"]] in ([], ["public"])
    assert (await attacker.manage("DELETE", f"/api/v1/images/{image}", auth=operator)).status == 404
    kept = await attacker.manage("GET", f"/api/v1/images/{image}", auth=attacker.basic("alice"))
    assert (kept.status, kept.json["visibility"]) == (200, "inherit")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("images", {"name": "acme/hello/mass", "repository": "hello", "visibility": "public"}),
        ("images", {"name": "acme/hello/mass", "repository": "hello", "id": NO_SUCH_ID, "link_gen": 9}),
        ("images", {"name": "acme/HELLO/mass", "repository": "hello"}),
        ("images", {"name": "acme", "repository": "hello"}),
        ("images", b'{"name":"acme/hello/mass","repository":"\\ud800"}'),
        ("tokens", {"name": "a", "operator": True}),
        ("tokens", {"name": "a", "kind": "service"}),
        ("tokens", {"name": "a", "scopes": ["*"]}),
        ("tokens", {"name": "a", "days": 10**20}),
        ("tokens", {"name": "a", "days": -1}),
        ("tokens", {"name": "a\x00"}),
        ("tokens", {"name": "a\r\nb"}),
        ("tokens", {"name": "a" * 5000}),
        ("tokens", {"name": "a", "user": "bob"}),
        ("tokens", b""),
        ("tokens", b"[]"),
        ("tokens", b'{"name":"a","name":"b"}'),
        ("tokens", b'{"name":NaN}'),
        ("tokens", b'{"name":' + b"[" * 60_000),
        ("tokens", b'{"days":' + b"9" * 6_000 + b"}"),
        ("tokens", b'\xef\xbb\xbf{"name":"a"}'),
        ("tokens", '{"name":"a"}'.encode("utf-16")),
        ("tokens", b'{"name":"a"}x'),
        ("tokens", b'{"name":"' + b"x" * 70_000 + b'"}'),
    ],
)
async def test_a_body_sets_what_it_may_or_nothing(attacker: Attacker, path: str, body: Any) -> None:
    """Unknown fields are refused, not ignored; so is what another parser would read otherwise."""
    alice = attacker.basic("alice")
    answer = await attacker.manage("POST", f"/api/v1/{path}", body, auth=alice)
    assert answer.status in (400, 403, 413, 422)
    assert answer.header("Content-Type").startswith("application/problem+json")
    found = await attacker.manage("GET", "/api/v1/images?name=acme/hello/mass", auth=alice)
    assert found.json["images"] == []


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "text/html;a=json"])
async def test_only_json_is_read(attacker: Attacker, content_type: str) -> None:
    """What a form in a browser can send changes nothing."""
    headers: Headers = [("Content-Type", content_type)] if content_type else []
    answer = await attacker.ask(
        "POST", "/api/v1/tokens", auth=attacker.basic("alice"), headers=headers, body=b'{"name":"a"}'
    )
    assert answer.status == 415


async def test_tokens_of_others_are_out_of_reach(attacker: Attacker) -> None:
    """Neither listed nor revoked nor made by anybody but their owner; a guessed id says nothing."""
    bobs = (await attacker.manage("GET", "/api/v1/tokens", auth=attacker.basic("bob"))).json["tokens"]
    for who in ("alice", "mallory"):
        auth = attacker.basic(who)
        assert (await attacker.manage("GET", "/api/v1/tokens?user=bob", auth=auth)).status == 403
        taken, guessed = [
            await attacker.manage("DELETE", f"/api/v1/tokens/{id_}", auth=auth) for id_ in (bobs[0]["id"], NO_SUCH_ID)
        ]
        assert (taken.status, guessed.status) == (404, 404)
        assert blotted(taken.body, "bob", bobs[0]["id"]) == blotted(guessed.body, "bob", NO_SUCH_ID)
    assert (await attacker.ask("GET", "/v2/", auth=attacker.basic("bob"))).status == 200


async def test_a_weak_token_makes_no_stronger_one(attacker: Attacker, image: str) -> None:
    """A token that may only read gets no further by a detour (R60, R64)."""
    made = await attacker.manage(
        "POST", "/api/v1/tokens", {"name": "reader", "scopes": ["image:read"]}, auth=attacker.basic("alice")
    )
    weak = basic("alice", made.json["secret"])
    wish = {"name": "more", "scopes": ["image:read", "image:write", "image:admin"]}
    more = await attacker.manage("POST", "/api/v1/tokens", wish, auth=weak)
    others = [basic("alice", more.json["secret"])] if more.status == 201 else []
    for auth in (weak, *others):
        assert (await attacker.ask("POST", f"/v2/{NAME}/blobs/uploads/", auth=auth)).status == 401
        assert (await attacker.ask("DELETE", f"/v2/{NAME}/manifests/latest", auth=auth)).status == 401
        body = {"visibility": "workspace"}
        assert (await attacker.manage("PUT", f"/api/v1/images/{image}/visibility", body, auth=auth)).status == 403
        assert (await attacker.manage("DELETE", f"/api/v1/images/{image}", auth=auth)).status == 403


@pytest.mark.parametrize("name", ["Moorage-Principal", "Moorage-Link-Gen", "Moorage-Sealed-Body", "X-Forwarded-User"])
async def test_what_our_services_tell_one_another_means_nothing_outside(attacker: Attacker, name: str) -> None:
    """R52, R133."""
    said = [(name, "user:fb4b7b6a-2911-5e06-ad21-676d2a1d3b1c")]
    assert (await attacker.ask("GET", "/v2/", headers=said)).status == 401


async def test_the_internal_listener_knows_its_callers(attacker: Attacker) -> None:
    """Replicas and operations want the service token, facts a service's credential; a person has neither."""
    alice, operator = (f"Bearer {attacker.secrets[who]}" for who in ("alice", "operator"))
    for path in ("snapshot", "changes", "changes?after=1.0", "snapshot?workspace=x"):
        for auth in (None, alice, operator, "Bearer \xff", attacker.basic("operator")):
            assert (await attacker.ask("GET", f"/internal/v1/{path}", auth=auth, internal=True)).status == 401
    for operation in ("authenticate", "check", "create_token", "first_push", "explain"):
        for auth in (None, alice, operator):
            path = f"/internal/v1/{operation}"
            answer = await attacker.ask("POST", path, auth=auth, headers=[JSON], body=b"{}", internal=True)
            assert answer.status == 401
    for auth, status in ((None, 401), (attacker.basic("operator"), 401), (alice, 403)):
        sent = await attacker.ask("POST", "/internal/v1/facts", auth=auth, body=fact(0), internal=True)
        assert sent.status == status
    for path in ("/v2/", "/token", "/api/v1/tokens"):
        assert (await attacker.ask("GET", path, auth=operator, internal=True)).status == 404


def fact(number: int, **other: Any) -> bytes:
    """A line that tells of a user."""
    user = f"00000000-0000-4000-8000-{number:012x}"
    event = {
        "specversion": "1.0",
        "id": f"hostile-{number}",
        "source": "local",
        "time": "2026-11-24T12:00:00Z",
        "type": "dev.moorage.identity.user.set.v1",
        "subject": f"us:{user}",
        "partitionkey": f"us:{user}",
        "data": {"id": user, "account": f"user-{number}", "active": True},
    }
    return json.dumps({**event, **other}).encode() + b"\n"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"\n\n", 422),
        (b"{\n", 422),
        (b"[]\n", 422),
        (b"\x00\n", 422),
        (b"[" * 100_000, 422),
        (b'{"a":' + b"9" * 10_000 + b"}", 422),
        (b'{"a":NaN}', 422),
        (b"\xef\xbb\xbf" + fact(1), 422),
        (fact(1).decode().encode("utf-16"), 422),
        (fact(1)[:-2] + b',"id":"twice"}', 422),
        (fact(1).replace(b"user-1", b"\\ud800"), 422),
        (fact(1).replace(b"user-1", b"a\\u0000b"), 422),
        (fact(1, type="dev.moorage.unheard.of.v1"), 422),
        (fact(1, type=["a"]), 422),
        (fact(1, subject="us:\x00"), 422),
        (fact(1, time="tomorrow"), 422),
        (fact(1)[:-2] + b',"pad":"' + b"x" * 1_100_000 + b'"}', 422),
        (b"".join(map(fact, range(1001))), 413),
        (b"x" * (9 * 2**20), 413),
    ],
    ids=lambda value: str(value)[:24],
)
async def test_malformed_facts_are_refused_whole(attacker: Attacker, body: bytes, status: int) -> None:
    """A good line before them is not applied either."""
    operator = f"Bearer {attacker.secrets['operator']}"
    sent = fact(999) + body if status == 422 and body.strip() else body
    answer = await attacker.ask("POST", "/internal/v1/facts", auth=operator, body=sent, internal=True)
    assert answer.status == status


async def test_packed_facts_are_not_unpacked(attacker: Attacker) -> None:
    """R137."""
    operator, packed = f"Bearer {attacker.secrets['operator']}", [("Content-Encoding", "gzip")]
    body = gzip.compress(fact(1))
    answer = await attacker.ask("POST", "/internal/v1/facts", auth=operator, headers=packed, body=body, internal=True)
    assert answer.status in (415, 422)
