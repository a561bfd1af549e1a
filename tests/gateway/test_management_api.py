"""`/api/v1`: image records, tokens, decisions, over HTTP."""

from typing import Any

import pytest
from aiohttp import encode_basic_auth

from gateway.site import Answer, Site
from gateway.village_order import identifier
from moorage.access.consistency import ConsistencyToken
from moorage.access.role import Membership

API = identifier("im:ledger/api")
SECRET = identifier("im:vault/secret")


async def create(site: Site, who: str = "alice", **body: Any) -> Answer:
    """Creates an image."""
    body = {"name": "acme/ledger/tool", "repository": "ledger"} | body
    return await site.ask("POST", "/api/v1/images", auth=site.basic(who), json=body)


async def test_an_image_is_created_and_usable_at_once(site: Site) -> None:
    """201 with record, Location, ETag and position; this gateway knows the name by then."""
    answer = await create(site)
    assert answer.status == 201
    assert answer.json["name"] == "acme/ledger/tool"
    assert answer.headers["Location"] == f"/api/v1/images/{answer.json['id']}"
    assert answer.headers["ETag"] == f'"{answer.json["acl_seq"]}"'
    assert answer.headers["Moorage-Authz-Token"] == answer.json["token"]
    assert answer.headers["Cache-Control"] == "no-store"
    before = len(site.village.questions)
    pushed = await site.ask("POST", "/v2/acme/ledger/tool/blobs/uploads/", auth=site.basic("bob"))
    assert pushed.status == 202
    assert [question for question in site.village.questions[before:] if question in ("check", "first_push")] == []


async def test_settings_are_idempotent_puts(site: Site) -> None:
    """Each answers with the record as it is then."""
    for path, body in (
        ("visibility", {"visibility": "workspace"}),
        ("push-policy", {"push_policy": "pipelines_only"}),
    ):
        for _ in range(2):
            answer = await site.ask("PUT", f"/api/v1/images/{API}/{path}", auth=site.basic("alice"), json=body)
            assert answer.status == 200
            assert answer.json | body == answer.json
            assert "ETag" in answer.headers
            assert "Moorage-Authz-Token" in answer.headers


async def test_several_settings_are_one_change(site: Site) -> None:
    """What is given is set; what is left out stays, as a second answer shows."""
    path, branches = f"/api/v1/images/{API}", ["main", "release/*"]
    body = {"push_policy": "pipelines_only", "publishers": [{"any_pipeline": True, "branches": branches}]}
    changed = await site.ask("PATCH", path, auth=site.basic("alice"), json=body)
    assert (changed.status, changed.json["push_policy"]) == (200, "pipelines_only")
    assert [each["branches"] for each in changed.json["publishers"]] == [branches]
    assert changed.headers["ETag"] == f'"{changed.json["acl_seq"]}"'
    opened = await site.ask("PATCH", path, auth=site.basic("alice"), json={"admin_override": True})
    assert (opened.json["admin_override"], opened.json["publishers"]) == (True, changed.json["publishers"])
    assert (await site.ask("PATCH", path, auth=site.basic("carol"), json=body)).status == 403


async def test_what_a_workspace_says_of_publishing(site: Site) -> None:
    """Its owners say it, as one change."""
    body = {"default_publishers": [{"environment": str(identifier("en:production"))}], "pipeline_create": True}
    refused = await site.ask("PATCH", "/api/v1/workspaces/acme", auth=site.basic("alice"), json=body)
    assert refused.status == 403
    site.village.member("alice", Membership.OWNER)
    answer = await site.ask("PATCH", "/api/v1/workspaces/acme", auth=site.basic("alice"), json=body)
    assert (answer.status, answer.json["pipeline_create"]) == (200, True)
    assert answer.json["default_publishers"][0]["environment"] == str(identifier("en:production"))
    assert answer.headers["Moorage-Authz-Token"] == answer.json["token"]


async def test_what_a_workspace_has_set_is_shown_to_its_owners(site: Site) -> None:
    """Who may not change it does not see it either."""
    path = "/api/v1/workspaces/acme"
    assert (await site.ask("GET", path, auth=site.basic("alice"))).status == 403
    assert (await site.ask("GET", path)).status == 401
    assert (await site.ask("GET", "/api/v1/workspaces/nowhere", auth=site.basic("alice"))).status == 404
    site.village.member("alice", Membership.OWNER)
    shown = await site.ask("GET", path, auth=site.basic("alice"))
    assert (shown.status, shown.json["slug"], shown.json["default_push_policy"]) == (200, "acme", "repository_write")


async def test_a_relink_is_one_change(site: Site) -> None:
    """The link generation counts it, and visibility goes back unless it is repeated."""
    path = f"/api/v1/images/{API}/repository"
    answer = await site.ask("PUT", path, auth=site.basic("alice"), json={"repository": "vault"})
    assert (answer.status, answer.json["link_gen"], answer.json["visibility"]) == (200, 2, "inherit")


async def test_a_deleted_image_is_gone_with_what_it_held(site: Site) -> None:
    """The answer tells until when it can be restored; the next image of the name is another."""
    await site.push("bob", "acme/ledger/api")
    answer = await site.ask("DELETE", f"/api/v1/images/{API}", auth=site.basic("alice"))
    assert (answer.status, answer.json["state"]) == (200, "deleted")
    assert answer.json["restorable_until"]
    assert "Moorage-Authz-Token" in answer.headers
    assert (await site.ask("GET", "/v2/acme/ledger/api/manifests/1", auth=site.basic("alice"))).status == 404
    assert (await create(site, name="acme/ledger/api")).status == 201
    tags = await site.ask("GET", "/v2/acme/ledger/api/tags/list", auth=site.basic("alice"))
    assert tags.json["tags"] == []


async def test_lists_hold_what_the_caller_may_pull(site: Site) -> None:
    """In pages, with a link to the next; nobody sees the public ones."""
    first = await site.ask("GET", "/api/v1/images?workspace=acme&limit=1", auth=site.basic("carol"))
    assert [image["name"] for image in first.json["images"]] == ["acme/ledger/api"]
    link = first.headers["Link"]
    assert link.endswith('>; rel="next"')
    second = await site.ask("GET", link[1:].partition(">")[0], auth=site.basic("carol"))
    assert [image["name"] for image in second.json["images"]] == ["acme/ledger/open"]
    assert "Link" not in second.headers
    nobody = await site.ask("GET", "/api/v1/images?workspace=acme")
    assert [image["name"] for image in nobody.json["images"]] == ["acme/ledger/open"]


async def test_a_name_finds_one_image_or_none(site: Site) -> None:
    """Hidden and absent are none."""
    found = await site.ask("GET", "/api/v1/images?name=acme/ledger/api", auth=site.basic("carol"))
    assert [image["id"] for image in found.json["images"]] == [str(API)]
    for name in ("acme/vault/secret", "acme/vault/absent"):
        assert (await site.ask("GET", f"/api/v1/images?name={name}", auth=site.basic("carol"))).json["images"] == []


async def test_one_record(site: Site) -> None:
    """By id, with an ETag; hidden and absent are the same 404."""
    found = await site.ask("GET", f"/api/v1/images/{API}", auth=site.basic("carol"))
    assert (found.status, found.json["repository_slug"]) == (200, "ledger")
    assert found.headers["ETag"] == f'"{found.json["acl_seq"]}"'
    hidden = await site.ask("GET", f"/api/v1/images/{SECRET}", auth=site.basic("carol"))
    absent = await site.ask("GET", f"/api/v1/images/{identifier('none')}", auth=site.basic("carol"))
    assert hidden.status == absent.status == 404
    assert hidden.body.replace(str(SECRET).encode(), b"") == absent.body.replace(str(identifier("none")).encode(), b"")


async def test_an_owner_decides_whether_images_may_be_public(site: Site) -> None:
    """The setting counts at this gateway when the answer is there (V2)."""
    path, body = "/api/v1/workspaces/acme/allow-public", {"allow_public": False}
    await site.push("bob", "acme/ledger/open")
    assert (await site.ask("PUT", path, auth=site.basic("alice"), json=body)).status == 403
    site.village.member("alice", Membership.OWNER)
    answer = await site.ask("PUT", path, auth=site.basic("alice"), json=body)
    assert (answer.status, answer.json["allow_public"]) == (200, False)
    assert answer.headers["Moorage-Authz-Token"] == answer.json["token"]
    assert (await site.ask("GET", "/v2/acme/ledger/open/manifests/1")).status == 401
    other = "/api/v1/workspaces/acme/default-push-policy"
    narrowed = await site.ask("PUT", other, auth=site.basic("alice"), json={"default_push_policy": "admins_only"})
    assert narrowed.json["default_push_policy"] == "admins_only"


async def test_tokens_are_made_shown_once_listed_and_ended(site: Site) -> None:
    """A new one works at once, and not a moment longer than it is valid."""
    made = await site.ask(
        "POST", "/api/v1/tokens", auth=site.basic("carol"), json={"name": "laptop", "scopes": ["image:read"], "days": 7}
    )
    assert made.status == 201
    position = ConsistencyToken.parse(made.headers["Moorage-Authz-Token"])
    replica = site.gateway.follower.replica
    assert replica is not None
    assert replica.position >= position
    secret, id = made.json["secret"], made.json["token"]["id"]
    auth = f"Bearer {secret}"
    listed = await site.ask("GET", "/api/v1/tokens", auth=auth)
    assert id in [token["id"] for token in listed.json["tokens"]]
    assert secret.encode() not in listed.body
    ended = await site.ask("DELETE", f"/api/v1/tokens/{id}", auth=auth)
    assert ended.status == 204
    assert "Moorage-Authz-Token" in ended.headers
    assert (await site.ask("GET", "/api/v1/tokens", auth=auth)).status == 401
    assert (await site.ask("GET", "/v2/", auth=encode_basic_auth("carol", secret))).status == 401


async def test_check_and_explain(site: Site) -> None:
    """The decision, with its position; hidden and absent alike."""
    answer = await site.ask("GET", "/api/v1/check?image=acme/ledger/api&action=push", auth=site.basic("carol"))
    assert (answer.json["reason"], answer.json["readable"]) == ("no_write", True)
    hidden, absent = [
        await site.ask("GET", f"/api/v1/check?image=acme/vault/{name}&action=pull", auth=site.basic("carol"))
        for name in ("secret", "absent")
    ]
    assert hidden.json == absent.json
    why = await site.ask("GET", "/api/v1/explain?image=acme/ledger/api&action=push", auth=site.basic("carol"))
    assert why.json["decision"] == "deny"


@pytest.mark.parametrize("auth", [None, "Bearer x", "Basic !", "bearer token", encode_basic_auth("alice", "x")])
async def test_who_is_not_known_changes_nothing(site: Site, auth: str | None) -> None:
    """401 as a problem, with a challenge; a bearer token of the registry is for `/v2/` only (R60)."""
    if auth == "bearer token":
        auth = await site.bearer("alice", "repository:acme/ledger/api:*")
    for method, path in (
        ("POST", "/api/v1/images"),
        ("DELETE", f"/api/v1/images/{API}"),
        ("POST", "/api/v1/tokens"),
        ("GET", "/api/v1/tokens"),
        ("GET", "/api/v1/explain?image=acme/ledger/api&action=pull"),
    ):
        answer = await site.ask(method, path, auth=auth)
        assert answer.status == 401
        assert answer.json["type"] == "https://moorage.dev/problems/credential-unknown"
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "WWW-Authenticate" in answer.headers


BAD_BODIES = [
    (b"", 400),
    (b"{", 400),
    (b"[]", 400),
    (b"null", 400),
    (b'{"name":"acme/ledger/tool","name":"acme/ledger/api","repository":"ledger"}', 400),
    (b'{"name":NaN,"repository":"ledger"}', 400),
    (b"\xff\xfe", 400),
    (b"[" * 30_000, 400),
    (b'{"a":' * 10_000, 400),
    (b'{"n":' + b"9" * 10_000 + b"}", 400),
    (b"{}", 422),
    (b'{"name":5,"repository":"ledger"}', 422),
    (b'{"name":"acme/ledger/tool"}', 422),
    (b'{"name":"acme/ledger/tool","repository":"ledger","admin_override":true}', 422),
    (b'{"name":"acme/ledger/tool","repository":"ledger","visibility":"public"}', 422),
    (b'{"name":"acme","repository":"ledger"}', 422),
    (b'{"name":"Acme/Tool","repository":"ledger"}', 422),
    (b'{"name":"acme/../tool","repository":"ledger"}', 422),
    (b'{"name":"acme/ledger/tool","repository":""}', 422),
    (b'{"name":"acme/ledger/api","repository":"ledger"}', 409),
    (b'{"name":"acme/ledger/tool","repository":"none"}', 404),
    (b'{"name":"' + b"x" * 70_000 + b'"}', 413),
]


@pytest.mark.parametrize(("body", "status"), BAD_BODIES)
async def test_bad_input_is_told_precisely(site: Site, body: bytes, status: int) -> None:
    """Always a problem document; nothing is created."""
    before = len(site.village.images)
    answer = await site.ask(
        "POST", "/api/v1/images", auth=site.basic("alice"), data=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["status"] == status
    assert len(site.village.images) == before


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", f"/api/v1/images/{API}/visibility", {"visibility": "secret"}, 422),
        ("PUT", f"/api/v1/images/{API}/visibility", {"visibility": "public", "state": "active"}, 422),
        ("PUT", f"/api/v1/images/{API}/push-policy", {"push_policy": None}, 422),
        ("PUT", f"/api/v1/images/{API}/repository", {}, 422),
        ("PATCH", f"/api/v1/images/{API}", {}, 422),
        ("PATCH", f"/api/v1/images/{API}", {"push_policy": None}, 422),
        ("PATCH", f"/api/v1/images/{API}", {"state": "active"}, 422),
        ("PATCH", f"/api/v1/images/{API}", {"publishers": [{}]}, 422),
        ("PATCH", f"/api/v1/images/{API}", {"publishers": [{"any_pipeline": False}]}, 422),
        ("PATCH", f"/api/v1/images/{API}", {"publishers": [{"environment": "production"}]}, 422),
        ("PATCH", f"/api/v1/images/{API}", {"publishers": [{"any_pipeline": True, "branches": ["a?"]}]}, 422),
        ("PATCH", f"/api/v1/images/{API}", {"publishers": [{"any_pipeline": True}] * 101}, 422),
        ("PATCH", f"/api/v1/images/{API}", {"consumer_repositories": [""]}, 422),
        ("PATCH", "/api/v1/images/none", {"admin_override": True}, 404),
        ("PATCH", "/api/v1/workspaces/acme", {}, 422),
        ("PATCH", "/api/v1/workspaces/acme", {"pipeline_create": None}, 422),
        ("PATCH", "/api/v1/workspaces/nowhere", {"pipeline_create": True}, 404),
        ("PUT", "/api/v1/images/none/visibility", {"visibility": "public"}, 404),
        ("GET", "/api/v1/images/none", None, 404),
        ("GET", "/api/v1/images", None, 422),
        ("GET", "/api/v1/images?workspace=acme&name=acme/x", None, 422),
        ("GET", "/api/v1/images?workspace=acme&workspace=other", None, 422),
        ("GET", "/api/v1/images?workspace=acme&limit=0", None, 422),
        ("GET", "/api/v1/images?workspace=acme&limit=x", None, 422),
        ("GET", "/api/v1/images?name=UPPER/x", None, 422),
        ("GET", "/api/v1/check?image=acme/ledger/api", None, 422),
        ("GET", "/api/v1/check?image=acme/ledger/api&action=fly", None, 422),
        ("POST", "/api/v1/tokens", {}, 422),
        ("POST", "/api/v1/tokens", {"name": "x", "scopes": ["all"]}, 422),
        ("POST", "/api/v1/tokens", {"name": "x", "days": 0}, 422),
        ("POST", "/api/v1/tokens", {"name": "x", "operator": True}, 422),
        ("PUT", "/api/v1/workspaces/acme/allow-public", {"allow_public": "perhaps"}, 422),
        ("PUT", "/api/v1/workspaces/nowhere/allow-public", {"allow_public": True}, 404),
        ("DELETE", "/api/v1/tokens/none", None, 404),
        ("GET", "/api/v1/nothing", None, 404),
        ("PATCH", "/api/v1/images", None, 405),
    ],
)
async def test_bad_requests_are_told_precisely(
    site: Site, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    """Unknown fields, values, names, paths and methods."""
    answer = await site.ask(method, path, auth=site.basic("alice"), json=body)
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["type"].startswith("https://moorage.dev/problems/")
    if status == 422:
        assert "errors" in answer.json


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
        ({"Content-Type": "application/json", "Moorage-Authz-Min-Token": "x"}, 422),
    ],
)
async def test_odd_headers_are_refused(site: Site, headers: dict[str, str], status: int) -> None:
    """Another type, a compressed body, a position that is none."""
    body = b'{"name":"acme/ledger/tool","repository":"ledger"}'
    answer = await site.ask("POST", "/api/v1/images", auth=site.basic("alice"), data=body, headers=headers)
    assert answer.status == status


async def test_who_may_not_is_told_by_what_may_be_known(site: Site) -> None:
    """403 with the reason to a reader, 404 to a stranger."""
    path, body = f"/api/v1/images/{API}/visibility", {"visibility": "public"}
    reader = await site.ask("PUT", path, auth=site.basic("carol"), json=body)
    assert (reader.status, reader.json["reason"]) == (403, "not_admin")
    assert (await site.ask("PUT", path, auth=site.basic("dave"), json=body)).status == 404


async def test_without_the_authority_there_is_no_answer(site: Site) -> None:
    """503 with Retry-After."""
    await site.ask("GET", "/v2/", auth=site.basic("alice"))
    site.village.away = True
    answer = await create(site)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


async def test_the_root_is_for_people(site: Site) -> None:
    """A few lines of text, with the configured address."""
    answer = await site.ask("GET", "/")
    assert answer.status == 200
    assert b"docker login registry.example" in answer.body
