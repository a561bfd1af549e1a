"""What is served on which knowledge: staleness, the authority away, content newer than the replica (§3.3-§3.5)."""

from datetime import timedelta

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.site import Site
from gateway.village_order import identifier
from moorage.access.role import Membership, Role
from moorage.oci.digest import Digest
from moorage.oci.reference import Tag

API, OPEN = "acme/ledger/api", "acme/ledger/open"
UPLOADS = f"/v2/{API}/blobs/uploads/"


async def stale(site: Site, seconds: float) -> None:
    """The stream has been silent for so long; the workspace is loaded, and logins are remembered or not."""
    await site.push("bob", API)
    await site.push("bob", OPEN)
    site.village.frozen = True
    site.clock.advance(timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("seconds", "method", "path", "away", "here"),
    [
        (4, "GET", f"/v2/{API}/manifests/1", 200, True),
        (29, "GET", f"/v2/{API}/manifests/1", 200, True),
        (119, "GET", f"/v2/{API}/manifests/1", 200, True),
        (299, "GET", f"/v2/{API}/manifests/1", 200, True),
        (301, "GET", f"/v2/{API}/manifests/1", 503, False),
        (899, "GET", f"/v2/{OPEN}/manifests/1", 200, True),
        (901, "GET", f"/v2/{OPEN}/manifests/1", 503, False),
        (29, "POST", UPLOADS, 202, True),
        (31, "POST", UPLOADS, 503, False),
        (4, "DELETE", f"/v2/{API}/manifests/1", 503, False),
    ],
)
async def test_each_tier_without_the_authority(
    site: Site, seconds: float, method: str, path: str, away: int, here: bool
) -> None:
    """Local where the table says so, else 503 with Retry-After: never an allow, never 403 or 404."""
    await stale(site, seconds)
    auth = await site.bearer("bob", f"repository:{API}:*", f"repository:{OPEN}:*")
    site.village.away = True
    answer = await site.ask(method, path, auth=auth)
    assert answer.status == away
    if away == 503:
        assert answer.headers["Retry-After"] == "5"
        assert answer.code == "UNAVAILABLE"
    site.village.away = False
    before = len(site.village.questions)
    assert (await site.ask(method, path, auth=auth)).status == {"GET": 200, "POST": 202, "DELETE": 202}[method]
    assert (len(site.village.questions) == before) is here


async def test_a_manifest_may_rest_on_fresh_facts_while_the_authority_is_away(site: Site) -> None:
    """Up to thirty seconds, stored with our own position; then 503 (§3.5)."""
    await stale(site, 20)
    auth = await site.bearer("bob", f"repository:{API}:*")
    site.village.away = True
    assert (await site.put_manifest(auth, API, "2")).status == 201
    site.clock.advance(timedelta(seconds=11))
    assert (await site.put_manifest(auth, API, "3")).status == 503


async def test_what_rests_on_local_facts_is_marked_and_counted(site: Site) -> None:
    """Storage keeps it, `/metrics` tells how many there were; pushed again at head, the mark goes (§3.5)."""
    await stale(site, 20)
    auth, reader = [await site.bearer(who, f"repository:{API}:*") for who in ("bob", "carol")]
    image = identifier("im:ledger/api")
    for away, marked in ((False, False), (True, True), (False, False)):
        site.village.away = away
        assert (await site.put_manifest(auth, API, "2")).status == 201
        stored = await site.storage.content.manifest(image, Tag("2"))
        # The manifest itself was pushed at head before, as the tag "1".
        assert (stored.token_is_local, stored.token != "zt1.0.0") == (False, True)
        assert (await site.put_manifest(auth, API, f"new-{away}-{marked}")).status == 201
        assert (await site.storage.content.manifest(image, Tag(f"new-{away}-{marked}"))).token_is_local is marked
    site.village.away = True
    assert (await site.put_manifest(reader, API, "2")).status == 403
    async with TestClient(TestServer(site.gateway.internal_app())) as internal:
        numbers = await (await internal.get("/metrics")).text()
    assert "moorage_gateway_local_pushes_total 2.0" in numbers


async def test_names_pushed_after_a_removal_are_not_listed_to_who_was_removed(site: Site) -> None:
    """Lists carry positions as manifests do; what was listed before stays listed (R73, §3.5)."""
    await site.push("bob", API)
    auth = await site.bearer("carol", f"repository:{API}:pull")
    subject = Digest.of(b"a subject")
    lists = [f"/v2/{API}/tags/list", f"/v2/{API}/tags/list?n=0", f"/v2/{API}/referrers/{subject}"]
    assert [(await site.ask("GET", path, auth=auth)).status for path in lists] == [200, 200, 200]
    site.village.frozen = True
    site.village.grant("carol", "ledger", Role.NONE)
    assert [(await site.ask("GET", path, auth=auth)).status for path in lists] == [200, 200, 200]
    await site.push("alice", API, "secret-name")
    assert [(await site.ask("GET", path, auth=auth)).status for path in lists] == [404, 200, 200]
    assert (await site.ask("GET", f"{lists[0]}?last=z", auth=auth)).status == 200
    site.village.away = True
    assert (await site.ask("GET", lists[0], auth=auth)).status == 503


async def test_a_manifest_is_decided_by_the_authority(site: Site) -> None:
    """However far the stream lags."""
    await site.push("bob", API)
    auth = await site.bearer("bob", f"repository:{API}:*")
    site.village.frozen = True
    site.village.grant("bob", "ledger", Role.READ)
    answer = await site.put_manifest(auth, API, "2")
    assert (answer.status, answer.reason) == (403, "no_write")


async def test_content_pushed_after_a_removal_is_not_served_to_who_was_removed(site: Site) -> None:
    """New enemy: the replica has not heard of the removal, but the content carries a later position (R73)."""
    await site.push("bob", API)
    auth = await site.bearer("carol", f"repository:{API}:pull")
    assert (await site.ask("GET", f"/v2/{API}/manifests/1", auth=auth)).status == 200
    site.village.frozen = True
    site.village.grant("carol", "ledger", Role.NONE)
    await site.push("alice", API, "2")
    assert (await site.ask("GET", f"/v2/{API}/manifests/2", auth=auth)).status == 404
    site.village.away = True
    assert (await site.ask("GET", f"/v2/{API}/manifests/2", auth=auth)).status == 503


async def test_content_newer_than_the_replica_is_served_to_who_still_may(site: Site) -> None:
    """The authority says so."""
    await site.push("bob", API)
    site.village.frozen = True
    site.village.member("dave", Membership.MEMBER)
    await site.push("alice", API, "2")
    assert (await site.ask("GET", f"/v2/{API}/manifests/2", auth=site.basic("carol"))).status == 200


async def test_a_name_that_is_not_known_is_asked_about_when_frames_are_late(site: Site) -> None:
    """It may have been created elsewhere a moment ago."""
    await site.push("bob", API)
    site.village.frozen = True
    site.village.image("ledger/fresh", "ledger")
    site.clock.advance(timedelta(seconds=2))
    assert (await site.ask("GET", "/v2/acme/ledger/fresh/tags/list", auth=site.basic("carol"))).status == 200


async def test_a_position_that_the_client_insists_on_is_waited_for(site: Site) -> None:
    """Else the authority is asked; a malformed one is 400."""
    await site.push("bob", API)
    site.village.frozen = True
    site.village.grant("carol", "ledger", Role.NONE)
    minimum = {"Moorage-Authz-Min-Token": str(site.village.position)}
    path = f"/v2/{API}/manifests/1"
    assert (await site.ask("GET", path, auth=site.basic("carol"))).status == 200
    assert (await site.ask("GET", path, auth=site.basic("carol"), headers=minimum)).status == 404
    odd = {"Moorage-Authz-Min-Token": "zt2"}
    assert (await site.ask("GET", path, auth=site.basic("carol"), headers=odd)).status == 400


async def test_after_history_was_rewritten_the_authority_decides_until_there_is_a_new_copy(site: Site) -> None:
    """And without it there is no answer."""
    await site.push("bob", API)
    auth = await site.bearer("carol", f"repository:{API}:pull")
    site.village.away = True
    site.gateway.follower._current = None
    assert (await site.ask("GET", f"/v2/{API}/manifests/1", auth=auth)).status == 503
    site.village.away = False
    assert (await site.ask("GET", f"/v2/{API}/manifests/1", auth=auth)).status == 200


async def test_who_was_announced_a_moment_ago_is_no_stranger(site: Site) -> None:
    """Nothing is known of them here yet; while news may be missing the authority says who they are, not we."""
    await site.push("bob", API)
    site.village.frozen = True
    site.village.user("newcomer")
    site.village.grant("newcomer", "ledger", Role.READ)
    site.secrets["newcomer"] = site.village.token("newcomer")
    site.clock.advance(timedelta(seconds=2))
    assert (await site.ask("GET", f"/v2/{API}/manifests/1", auth=site.basic("newcomer"))).status == 200
    site.village.away = True
    answer = await site.ask("GET", f"/v2/{API}/manifests/1", auth=site.basic("newcomer"))
    assert answer.status == 503
