"""Gateways tell how far they have come, and `?wait=all` waits for all of them (authorization.md §3.2, §3.6)."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from faults.waiting import until_true
from gateway.site import Site, open_site
from gateway.village_order import identifier
from moorage.access.action import Action
from moorage.access.audit import Mode
from moorage.access.consistency import ORIGIN, ConsistencyToken
from moorage.access.principal import ANONYMOUS, Identity
from moorage.access.sync_wire import FleetReport
from moorage.oci.reference import ImageName
from moorage.permissions.fleet_members import GRACE_SECONDS, FleetMember

API = identifier("im:ledger/api")
NAME = "acme/ledger/api"


async def test_a_gateway_is_known_before_it_is_ready_and_leaves_at_its_end(tmp_path: Path) -> None:
    """Who waits for all gateways knows of every one that decides."""
    async with open_site(tmp_path) as site:
        (report,) = site.village.fleet.values()
        assert report.gateway == site.gateway.enlistment.id
        await until_true(partial(tells, site, 900))
        village = site.village
    assert [each.leaving for each in village.fleet.values()] == [True]


def tells(site: Site, seconds: float) -> bool:
    """Whether the fleet was told that the gateway may go on deciding through so much silence."""
    reports = [each for each in site.village.fleet.values() if not each.leaving]
    return [each.serves_for for each in reports] == [seconds]


def forgotten(report: FleetReport, seen_at: datetime, now: datetime) -> bool:
    """Whether permissions waits no longer for who reported so then."""
    return FleetMember(report.gateway, ORIGIN, seen_at, report.serves_for).gone(now)


@pytest.mark.parametrize(("allow_public", "bound"), [(False, 300), (True, 900)])
@pytest.mark.parametrize("severed", ["everything", "reports", "stream"])
async def test_who_is_cut_off_has_stopped_before_permissions_forgets_it(
    site: Site, allow_public: bool, bound: int, severed: str
) -> None:
    """For as long as anything is decided here, for anybody, `?wait=all` waits for this gateway (§3.2, §3.6).

    Cut off are its reports, its stream, or both; permissions' clock may be half a minute ahead of itself.
    """
    await site.push("bob", NAME)
    site.village.tell_workspace(allow_public=allow_public)
    await site.caught_up()
    await until_true(partial(tells, site, bound))
    (report,) = [each for each in site.village.fleet.values() if not each.leaving]
    seen_at = site.clock.now()
    site.village.frozen = severed != "reports"
    site.village.silent = severed != "stream"
    stopped = None
    for elapsed in range(0, 1000, 10):
        decides = await anything_is_decided(site)
        waits = not forgotten(report, seen_at, site.clock.now() + timedelta(seconds=GRACE_SECONDS))
        if severed == "stream":
            waits = not site.village.fleet[report.gateway].leaving
        assert waits or not decides, elapsed
        stopped = elapsed if stopped is None and not decides else stopped
        site.clock.advance(timedelta(seconds=10))
        await what_is_not_severed_goes_on(site, severed)
    assert stopped is not None
    assert bound - 10 <= stopped <= bound + 20, "a beat may have been under way when the stream was severed"
    site.village.silent = False


async def what_is_not_severed_goes_on(site: Site, severed: str) -> None:
    """The stream, or the reports."""
    if severed == "reports":
        site.village.beat()
        await until_true(lambda: site.gateway.follower.age < 1)
    if severed == "stream":
        site.gateway.follower.heard.ours.set()
        await until_true(lambda: not site.gateway.follower.heard.ours.is_set())


async def anything_is_decided(site: Site) -> bool:
    """Whether any pull, anonymous ones and those of public images as well, is answered without asking anybody."""
    carol = site.village.secrets[site.secrets["carol"]][0]
    for identity in (carol, Identity(ANONYMOUS)):
        for name in (NAME, "acme/ledger/open", "acme/ledger/none", "elsewhere/ledger/api"):
            for decide in (site.gateway.access.decide, site.gateway.access.decide_at_head):
                before = len(site.village.questions)
                await decide(identity, ImageName.parse(name), Action.PULL)
                if len(site.village.questions) == before:
                    return True
    return False


async def test_an_image_that_is_public_where_that_is_not_allowed_ages_like_others(site: Site) -> None:
    """Turning `allow_public` off is a rule at evaluation (V2), for the bound of silence as well."""
    alice = site.village.secrets[site.secrets["alice"]][0]
    name = ImageName.parse("acme/ledger/open")
    for allowed, mode in ((True, Mode.LOCAL), (False, Mode.AUTHORITY)):
        site.village.frozen = False
        site.village.tell_workspace(allow_public=allowed)
        await until_true(lambda: site.gateway.follower.age < 1)
        await site.caught_up()
        site.village.frozen = True
        site.clock.advance(timedelta(seconds=299))
        assert (await site.gateway.access.decide(alice, name, Action.PULL)).mode is Mode.LOCAL
        site.clock.advance(timedelta(seconds=10))
        assert (await site.gateway.access.decide(alice, name, Action.PULL)).mode is mode, allowed


async def test_who_left_for_silence_comes_back_as_somebody_else(site: Site) -> None:
    """Once the stream is heard again; nothing is decided before the fleet knows."""
    former = site.gateway.enlistment.id
    await until_true(partial(tells, site, 900))
    site.village.frozen = True
    site.clock.advance(timedelta(seconds=901))
    assert not site.gateway.enlistment.current
    await until_true(lambda: site.village.fleet[former].leaving)
    site.village.thaw()
    await until_true(lambda: site.gateway.enlistment.current)
    assert site.gateway.enlistment.id != former
    assert site.village.fleet[former].leaving


async def test_a_longer_silence_counts_from_when_it_is_acknowledged(site: Site) -> None:
    """Permissions would forget this gateway by what it knows of it."""
    site.village.tell_workspace(allow_public=False)
    await site.caught_up()
    await until_true(partial(tells, site, 300))
    site.village.silent = True
    site.village.tell_workspace(allow_public=True)
    await site.caught_up()
    site.clock.advance(timedelta(seconds=299))
    assert site.gateway.enlistment.current
    site.clock.advance(timedelta(seconds=2))
    assert not site.gateway.enlistment.current


async def test_a_record_of_ours_is_reported_at_once(site: Site) -> None:
    """Nobody who waits for it waits for the next second."""
    site.village.image("ledger/fresh", "ledger")
    async with asyncio.timeout(0.8):
        while ConsistencyToken.parse(applied(site)) < site.village.position:  # noqa: ASYNC110 - the village tells nobody
            await asyncio.sleep(0.01)


async def test_a_gateway_the_fleet_has_lost_decides_nothing_by_itself(site: Site) -> None:
    """Its reports don't arrive, though the stream does: after as long as it could serve it asks at head."""
    await site.push("bob", NAME)
    auth = site.basic("carol")
    assert (await site.ask("GET", f"/v2/{NAME}/manifests/1", auth=auth)).status == 200
    site.gateway.enlistment._known_at -= 900
    site.village.silent = True
    before = len(site.village.questions)
    assert (await site.ask("GET", f"/v2/{NAME}/manifests/1", auth=auth)).status == 200
    assert "check" in site.village.questions[before:]


def applied(site: Site) -> str:
    """What the site's gateway has reported."""
    return site.village.fleet[site.gateway.enlistment.id].applied


async def test_a_change_that_all_enforce_is_answered_as_ever(site: Site) -> None:
    """Once they do."""
    path = f"/api/v1/images/{API}/visibility?wait=all"
    answer = await put(site, path)
    while answer.status == 202:
        answer = await put(site, path)
    assert answer.status == 200
    assert answer.json["visibility"] == "workspace"


async def put(site: Site, path: str) -> Any:
    """A change of visibility."""
    return await site.ask("PUT", path, auth=site.basic("alice"), json={"visibility": "workspace"})


async def test_progress_is_told_while_some_lag(site: Site) -> None:
    """202: the change is made; who enforces it, who doesn't yet, and what the answer would have been."""
    other = UUID(int=7)
    site.village.fleet[other] = FleetReport(gateway=other, applied="zt1.7.1", serves_for=900)
    answer = await site.ask("POST", "/api/v1/tokens?wait=all", auth=site.basic("alice"), json={"name": "laptop"})
    assert answer.status == 202
    assert str(other) in answer.json["progress"]["waiting"]
    assert not answer.json["progress"]["reached"]
    assert answer.json["result"]["secret"].startswith("mrg_")
    assert answer.headers["Moorage-Authz-Token"] == answer.json["progress"]["token"]
    gone = await site.ask("DELETE", f"/api/v1/images/{API}?wait=all", auth=site.basic("alice"))
    assert gone.status == 202
    assert gone.json["result"]["state"] == "deleted"


async def test_another_wait_changes_nothing(site: Site) -> None:
    """422 before anything is done; a question has nothing to wait for."""
    answer = await put(site, f"/api/v1/images/{API}/visibility?wait=some")
    assert (answer.status, answer.json["errors"][0]["at"]) == (422, "wait")
    assert site.village.images[API].visibility == "inherit"
    assert (await site.ask("GET", f"/api/v1/images/{API}?wait=all", auth=site.basic("alice"))).status == 200


async def test_a_refused_change_waits_for_nobody(site: Site) -> None:
    """It is refused at once."""
    path = f"/api/v1/images/{API}/visibility?wait=all"
    answer = await site.ask("PUT", path, auth=site.basic("carol"), json={"visibility": "workspace"})
    assert answer.status == 403


async def test_status_and_refresh_are_for_somebody(site: Site) -> None:
    """What a member sees, and what nobody sees."""
    status = await site.ask("GET", "/api/v1/sync/status?workspace=acme", auth=site.basic("carol"))
    assert (status.status, status.json["head"]) == (200, str(site.village.position))
    assert (await site.ask("GET", "/api/v1/sync/status?workspace=acme")).status == 401
    body = {"workspace": "acme", "user": "carol", "repository": "ledger"}
    asked = await site.ask("POST", "/api/v1/sync/refresh", auth=site.basic("carol"), json=body)
    assert (asked.status, asked.json) == (202, {"asked": False})
    odd = await site.ask("POST", "/api/v1/sync/refresh", auth=site.basic("carol"), json=body | {"more": 1})
    assert odd.status == 422


async def test_stale_pulls_are_marked(tmp_path: Path) -> None:
    """Past the bound a pull goes on if the site wants it, and the audit trail can tell."""
    async with open_site(tmp_path, pull_serve_stale=True) as site:
        await site.push("bob", NAME)
        identity = site.village.secrets[site.secrets["carol"]][0]
        name = ImageName.parse(NAME)
        assert (await site.gateway.access.decide(identity, name, Action.PULL)).mode is Mode.LOCAL
        site.village.frozen = site.village.away = True
        site.clock.advance(timedelta(seconds=301))
        stale = await site.gateway.access.decide(identity, name, Action.PULL)
        assert (stale.allowed, stale.mode) == (True, Mode.STALE)
        assert (await site.ask("POST", f"/v2/{NAME}/blobs/uploads/", auth=site.basic("bob"))).status == 503


async def test_an_older_epochs_token_counts_once_the_sources_have_told_again(site: Site) -> None:
    """Until then the authority is asked; a token of a future epoch is never waited for in vain."""
    await site.push("bob", NAME)
    path, auth = f"/v2/{NAME}/manifests/1", site.basic("carol")
    old = ConsistencyToken(site.village.epoch - 1, 10**6)
    future = ConsistencyToken(site.village.epoch + 1, 1)
    replica, now = site.gateway.follower.replica, int(site.clock.now().timestamp() * 1000)
    assert replica
    replica.as_of["s1"], replica._lanes.of[0] = now, frozenset({"s1"})
    for token, bumped, asks in ((old, None, False), (old, now - 1, False), (old, now + 1, True), (future, None, True)):
        site.gateway.follower.heard.bumped = bumped
        before = len(site.village.questions)
        answer = await site.ask("GET", path, auth=auth, headers={"Moorage-Authz-Min-Token": str(token)})
        assert answer.status == 200, (token, bumped)
        assert ("check" in site.village.questions[before:]) is asks, (token, bumped)


@pytest.mark.parametrize("path", [f"/api/v1/images/{API}/visibility"])
async def test_every_change_tells_its_position(site: Site, path: str) -> None:
    """So that a later request can insist on it."""
    answer = await put(site, path)
    assert ConsistencyToken.parse(answer.headers["Moorage-Authz-Token"]) == site.village.position
