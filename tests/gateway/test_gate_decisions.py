"""Who gets in, as clients see it: roles, revocation, grants, first push, mounts (authorization.md §1.5-§1.8, §3.4)."""

from datetime import timedelta

import pytest

from gateway.site import CONFIG, MANIFEST, Answer, Site
from moorage.access.image import PushPolicy
from moorage.access.role import Role
from moorage.oci.digest import Digest

API = "acme/ledger/api"
BLOB = Digest.of(CONFIG)
PULL = f"/v2/{API}/manifests/1"


async def test_a_pushed_image_comes_back(site: Site) -> None:
    """The publisher pushes, the consumer pulls, both with tokens."""
    await site.push("bob", API)
    auth = await site.bearer("carol", f"repository:{API}:pull")
    answer = await site.ask("GET", PULL, auth=auth)
    assert (answer.status, answer.body) == (200, MANIFEST)
    assert not [header for header in answer.headers if header.startswith("Moorage-")]


@pytest.mark.parametrize(
    ("who", "method", "path", "status", "reason"),
    [
        ("carol", "POST", f"/v2/{API}/blobs/uploads/", 403, "no_write"),
        ("carol", "DELETE", f"/v2/{API}/manifests/1", 403, "no_write"),
        ("bob", "DELETE", f"/v2/{API}/manifests/1", 202, None),
        ("bob", "DELETE", f"/v2/{API}/blobs/{BLOB}", 403, "not_admin"),
        ("alice", "DELETE", f"/v2/{API}/blobs/{BLOB}", 202, None),
        ("alice", "GET", f"/v2/{API}/manifests/none", 404, None),
        ("dave", "GET", PULL, 404, None),
    ],
)
async def test_who_may_do_what(site: Site, who: str, method: str, path: str, status: int, reason: str | None) -> None:
    """To who may pull, a refusal says which role is missing; the same with a token as with the secret itself (R60)."""
    await site.push("bob", API)
    secret = await site.ask(method, path, auth=site.basic(who))
    assert secret.status == status, secret
    if reason:
        assert secret.reason == reason
        assert secret.code == "DENIED"
        token = await site.ask(method, path, auth=await site.bearer(who, f"repository:{API}:*"))
        assert (token.status, _without_decision(token)) == (secret.status, _without_decision(secret))


def _without_decision(answer: Answer) -> bytes:
    """The body; under which id the decision is kept differs from one request to the next."""
    return answer.body.replace(answer.headers["Moorage-Decision-Id"].encode(), b"<decision>")


async def test_a_policy_is_named(site: Site) -> None:
    """With the next step."""
    site.village.image("ledger/api", "ledger", push_policy=PushPolicy.PIPELINES_ONLY)
    await site.caught_up()
    answer = await site.ask("POST", f"/v2/{API}/blobs/uploads/", auth=site.basic("bob"))
    assert (answer.status, answer.reason) == (403, "pipelines_only")
    assert "pipeline" in answer.json["errors"][0]["message"]


async def test_a_public_image_is_served_to_anyone(site: Site) -> None:
    """Without a credential and with an anonymous token; pushing asks for a login."""
    await site.push("bob", "acme/ledger/open")
    assert (await site.ask("GET", "/v2/acme/ledger/open/manifests/1")).status == 200
    token = (await site.ask("GET", "/token?scope=repository:acme/ledger/open:pull,push")).json["token"]
    assert (await site.ask("GET", "/v2/acme/ledger/open/manifests/1", auth=f"Bearer {token}")).status == 200
    answer = await site.ask("POST", "/v2/acme/ledger/open/blobs/uploads/")
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="https://registry.example/token",service="moorage",scope="repository:acme/ledger/open:pull,push"'
    )


async def test_turning_public_images_off_counts_at_once(site: Site) -> None:
    """V2: it is capped at evaluation."""
    await site.push("bob", "acme/ledger/open")
    site.village.tell_workspace(allow_public=False)
    await site.caught_up()
    assert (await site.ask("GET", "/v2/acme/ledger/open/manifests/1")).status == 401
    assert (await site.ask("GET", "/v2/acme/ledger/open/manifests/1", auth=site.basic("dave"))).status == 404


async def test_a_taken_grant_counts_at_the_next_request(site: Site) -> None:
    """The bearer token is as good as before: it never said what its holder may do."""
    await site.push("bob", API)
    auth = await site.bearer("carol", f"repository:{API}:pull")
    assert (await site.ask("GET", PULL, auth=auth)).status == 200
    site.village.grant("carol", "ledger", Role.NONE)
    await site.caught_up()
    assert (await site.ask("GET", PULL, auth=auth)).status == 404


@pytest.mark.parametrize("way", ["credential revoked", "user deactivated"])
async def test_a_revocation_counts_at_the_next_request(site: Site, way: str) -> None:
    """For the bearer token that was got with it, for the secret itself, for `/v2/` and for new tokens."""
    await site.push("bob", API)
    auth = await site.bearer("carol", f"repository:{API}:pull")
    assert (await site.ask("GET", PULL, auth=site.basic("carol"))).status == 200
    if way == "credential revoked":
        credential = site.village.secrets[site.secrets["carol"]][0].credential
        assert credential
        site.village.revoke(credential)
    else:
        site.village.user("carol", active=False)
    await site.caught_up()
    for path in (PULL, "/v2/"):
        answer = await site.ask("GET", path, auth=auth)
        assert answer.status == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        assert (await site.ask("GET", path, auth=site.basic("carol"))).status == 401
    assert (await site.ask("GET", "/token", auth=site.basic("carol"))).status == 401


async def test_a_token_outlives_its_credential_by_nothing(site: Site) -> None:
    """The credential's own expiry is judged live."""
    site.secrets["carol"] = site.village.token("carol", expires=site.clock.now() + timedelta(seconds=30))
    await site.caught_up()
    auth = await site.bearer("carol", f"repository:{API}:pull")
    assert (await site.ask("GET", "/v2/", auth=auth)).status == 200
    site.clock.advance(timedelta(seconds=31))
    assert (await site.ask("GET", "/v2/", auth=auth)).status == 401


async def test_a_fresh_grant_works_before_it_has_arrived(site: Site) -> None:
    """The denial is confirmed at the authority, once in ten seconds (§3.4)."""
    await site.push("bob", API)
    auth = await site.bearer("dave", f"repository:{API}:pull")
    site.village.frozen = True
    assert (await site.ask("GET", PULL, auth=auth)).status == 404
    site.village.grant("dave", "ledger", Role.READ)
    assert (await site.ask("GET", PULL, auth=auth)).status == 404
    asked = len(site.village.questions)
    site.clock.advance(timedelta(seconds=10))
    site.village.beat()
    assert (await site.ask("GET", PULL, auth=auth)).status == 200
    assert len(site.village.questions) > asked


async def test_denials_of_anonymous_are_never_confirmed(site: Site) -> None:
    """They cost the authority nothing."""
    await site.ask("GET", PULL)
    assert "check" not in site.village.questions


async def test_denials_of_one_principal_are_confirmed_five_times_at_once(site: Site) -> None:
    """Then the bucket is empty, and the local answer stands."""
    auth = site.basic("dave")
    for number in range(8):
        await site.ask("GET", f"/v2/acme/ledger/none{number}/tags/list", auth=auth)
    assert site.village.questions.count("check") == 5


# First push (§1.7)


async def test_an_admin_of_the_repository_creates_by_pushing(site: Site) -> None:
    """Looking first is a plain 404; the POST creates the record, and the push goes on."""
    auth = await site.bearer("alice", "repository:acme/ledger/new:pull,push")
    head = await site.ask("HEAD", f"/v2/acme/ledger/new/blobs/{BLOB}", auth=auth)
    assert (head.status, head.body) == (404, b"")
    opened = await site.ask("POST", "/v2/acme/ledger/new/blobs/uploads/", auth=auth)
    assert opened.status == 202
    closed = await site.ask("PUT", f"{opened.headers['Location']}?digest={BLOB}", auth=auth, data=CONFIG)
    assert closed.status == 201
    assert (await site.put_manifest(auth, "acme/ledger/new", "1")).status == 201
    assert site.village.questions.count("first_push") == 1


async def test_a_manifest_may_be_the_first_request_of_a_push(site: Site) -> None:
    """It creates the record as well; that its config is missing is another matter."""
    answer = await site.put_manifest(site.basic("alice"), "acme/ledger/newer", "1")
    assert (answer.status, answer.code) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert (await site.ask("GET", "/v2/acme/ledger/newer/tags/list", auth=site.basic("alice"))).status == 200


@pytest.mark.parametrize(
    ("who", "name", "reason"),
    [
        ("bob", "acme/ledger/new", "record_missing"),
        ("carol", "acme/ledger/new", "record_missing"),
        ("dave", "acme/ledger/new", "no_write"),
        ("alice", "acme/elsewhere/new", "no_write"),
        ("alice", "acme/vault/new", "no_write"),
        ("alice", "nowhere/ledger/new", "no_write"),
        ("alice", "acme", "no_write"),
    ],
)
async def test_nobody_else_does(site: Site, who: str, name: str, reason: str) -> None:
    """403 before any byte is accepted, with the next step for who may know it."""
    answer = await site.ask("POST", f"/v2/{name}/blobs/uploads/", auth=site.basic(who))
    assert (answer.status, answer.code, answer.reason) == (403, "DENIED", reason)


async def test_a_session_of_no_image_is_not_found_and_creates_nothing(site: Site) -> None:
    """Only what begins a push creates."""
    path = "/v2/acme/ledger/new/blobs/uploads/6f1a3f43-5a2c-4f9b-8c1d-0d8f3a0c9f11"
    answer = await site.ask("PATCH", path, auth=site.basic("alice"), data=b"x")
    assert (answer.status, answer.code) == (404, "NAME_UNKNOWN")
    assert "first_push" not in site.village.questions


async def test_a_session_of_an_older_link_is_invalid(site: Site) -> None:
    """R68: the image was linked elsewhere while the upload was open."""
    auth = site.basic("bob")
    opened = await site.ask("POST", f"/v2/{API}/blobs/uploads/", auth=auth)
    site.village.image("ledger/api", "ledger", link_gen=2)
    await site.caught_up()
    answer = await site.ask("PATCH", opened.headers["Location"], auth=auth, data=b"x")
    assert (answer.status, answer.code) == (400, "BLOB_UPLOAD_INVALID")


# Mount (protocol.md §7, 3)


async def test_a_mount_needs_push_here_and_pull_there(site: Site) -> None:
    """Both in the token and in the facts."""
    await site.push("bob", "acme/ledger/open")
    auth = await site.bearer("bob", f"repository:{API}:pull,push", "repository:acme/ledger/open:pull")
    path = f"/v2/{API}/blobs/uploads/?mount={BLOB}&from=acme/ledger/open"
    assert (await site.ask("POST", path, auth=auth)).status == 201


async def test_a_source_that_the_token_does_not_name_is_asked_for(site: Site) -> None:
    """The challenge names both images, whatever the source is."""
    auth = await site.bearer("bob", f"repository:{API}:pull,push")
    for source in ("acme/vault/secret", "acme/vault/absent", "acme/ledger/open"):
        answer = await site.ask("POST", f"/v2/{API}/blobs/uploads/?mount={BLOB}&from={source}", auth=auth)
        scope = f'scope="repository:{API}:pull,push repository:{source}:pull",error="insufficient_scope"'
        assert answer.status == 401
        assert scope in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("source", ["acme/vault/secret", "acme/vault/absent", "nowhere/x", "acme/ledger/open"])
async def test_a_source_that_can_not_be_read_is_an_ordinary_upload(site: Site, source: str) -> None:
    """Hidden, absent, or without the blob: one and the same 202."""
    auth = await site.bearer("bob", f"repository:{API}:pull,push", f"repository:{source}:pull")
    answer = await site.ask("POST", f"/v2/{API}/blobs/uploads/?mount={BLOB}&from={source}", auth=auth)
    assert answer.status == 202
    assert "uploads/" in answer.headers["Location"]
