"""What the gate records: every denial and every write, pulls only as samples; and what it does when it can't (§4)."""

import json
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from aiohttp.test_utils import TestClient, TestServer

from faults.waiting import until_true
from gateway.site import CONFIG, MANIFEST_TYPE, Answer, Site, open_site
from gateway.village_order import identifier
from moorage.access.audit import AuditRecord, Deed, Mode
from moorage.access.image import PushPolicy
from moorage.access.principal import PrincipalKind
from moorage.access.reason import Reason
from moorage.access.role import Role
from moorage.oci.digest import Digest

API = "acme/ledger/api"
PULL = f"/v2/{API}/manifests/1"
UPLOADS = f"/v2/{API}/blobs/uploads/"
BLOB = Digest.of(CONFIG)


async def records(site: Site) -> list[AuditRecord]:
    """What has arrived at the authority, once everything has."""
    await site.gateway.audit.flush()
    # A flush gives up after a second, which is little on a busy machine.
    await until_true(lambda: not len(site.gateway.audit.queue))
    return list(site.village.audited.values())


def told(answer: Answer) -> UUID:
    """The id in the header, which is the one in the body where there is one."""
    decision = answer.headers["Moorage-Decision-Id"]
    if answer.body:
        assert json.loads(answer.body)["errors"][0]["detail"]["decision"] == decision
    return UUID(decision)


async def test_a_denial_is_recorded_and_names_its_record(site: Site) -> None:
    """Who, what, why, at which position, how stale, by which request; no secret."""
    await site.push("bob", API)
    answer = await site.ask("POST", UPLOADS, auth=site.basic("carol"))
    kept = {record.decision: record for record in await records(site)}
    record = kept[told(answer)]
    carol, _ = site.village.secrets[site.secrets["carol"]]
    assert (record.allow, record.deed, record.reason, record.role) == (False, Deed.PUSH, Reason.NO_WRITE, Role.READ)
    assert (record.who, record.credential) == (carol.principal, carol.credential)
    assert (record.name, record.image) == (API, identifier("im:ledger/api"))
    assert record.workspace == identifier("ws:acme")
    assert (record.mode, record.readable) == (Mode.LOCAL, True)
    assert record.token == site.village.position
    assert record.staleness_ms is not None
    assert record.via
    assert (record.via.method, record.via.remote) == ("POST", "127.0.0.1")
    assert not [secret for secret in site.secrets.values() if secret in record.model_dump_json()]


async def test_every_write_is_recorded_and_names_its_record(site: Site) -> None:
    """Each request of a push, and the deletions; by whom it was decided stands there."""
    auth = site.basic("bob")
    opened = await site.ask("POST", UPLOADS, auth=auth)
    closed = await site.ask("PUT", f"{opened.headers['Location']}?digest={BLOB}", auth=auth, data=CONFIG)
    put = await site.put_manifest(auth, API, "1")
    gone = await site.ask("DELETE", PULL, auth=auth)
    assert [each.status for each in (opened, closed, put, gone)] == [202, 201, 201, 202]
    kept = {record.decision: record for record in await records(site)}
    answered = [kept[told(each)] for each in (opened, closed, put, gone)]
    assert [record.deed for record in answered] == [Deed.PUSH, Deed.PUSH, Deed.PUSH, Deed.DELETE_TAG]
    assert all(record.allow for record in kept.values())
    assert [record.mode for record in answered] == [Mode.LOCAL, Mode.LOCAL, Mode.AUTHORITY, Mode.AUTHORITY]


async def test_the_record_of_a_write_is_queued_before_the_write_is_let_through(site: Site) -> None:
    """Whatever becomes of the write afterwards."""
    answer = await site.ask(
        "PUT", PULL, auth=site.basic("bob"), data=b"broken", headers={"Content-Type": MANIFEST_TYPE}
    )
    assert answer.status == 400
    assert [record.deed for record in await records(site)] == [Deed.PUSH, Deed.PUSH]


async def test_allowed_pulls_leave_no_trace(site: Site) -> None:
    """Neither a record nor a header: the hot path makes none."""
    await site.push("bob", API)
    before = len(await records(site))
    answer = await site.ask("GET", PULL, auth=site.basic("carol"))
    assert (answer.status, "Moorage-Decision-Id" in answer.headers) == (200, False)
    assert len(await records(site)) == before


async def test_pulls_are_recorded_as_often_as_is_wanted(tmp_path: Path) -> None:
    """All of them at 100 %."""
    async with open_site(tmp_path, audit_sample_percent=100) as site:
        await site.push("bob", API)
        assert (await site.ask("GET", PULL, auth=site.basic("carol"))).status == 200
        newest = (await records(site))[-1]
        assert (newest.deed, newest.allow, newest.reason) == (Deed.PULL, True, Reason.OK)


async def test_a_pull_that_the_authority_allows_is_recorded(site: Site) -> None:
    """A grant that has not arrived here yet."""
    await site.push("bob", API)
    auth = await site.bearer("dave", f"repository:{API}:pull")
    site.village.frozen = True
    site.village.grant("dave", "ledger", Role.READ)
    assert (await site.ask("GET", PULL, auth=auth)).status == 200
    newest = (await records(site))[-1]
    assert (newest.deed, newest.allow, newest.mode) == (Deed.PULL, True, Mode.AUTHORITY)


async def test_a_pull_past_the_bound_is_recorded_as_stale(tmp_path: Path) -> None:
    """Where the site wants such pulls, the trail shows every one."""
    async with open_site(tmp_path, pull_serve_stale=True) as site:
        await site.push("bob", API)
        auth = await site.bearer("carol", f"repository:{API}:pull")
        assert (await site.ask("GET", PULL, auth=auth)).status == 200
        site.village.frozen = True
        site.clock.advance(timedelta(seconds=301))
        auth = await site.bearer("carol", f"repository:{API}:pull")
        site.village.away = True
        assert (await site.ask("GET", PULL, auth=auth)).status == 200
        site.village.away = False
        newest = (await records(site))[-1]
        assert (newest.mode, newest.allow) == (Mode.STALE, True)
        assert (newest.staleness_ms or 0) > 300_000


async def test_what_nobody_could_decide_is_recorded(site: Site) -> None:
    """503 with its reason: the client is asked to come again, the trail shows why."""
    auth = await site.bearer("carol", f"repository:{API}:pull")
    site.village.frozen = site.village.away = True
    site.clock.advance(timedelta(seconds=301))
    site.village.away = False
    auth = await site.bearer("carol", f"repository:{API}:pull")
    site.village.away = True
    answer = await site.ask("GET", PULL, auth=auth)
    assert (answer.status, answer.code) == (503, "UNAVAILABLE")
    assert answer.headers["Retry-After"]
    site.village.away = False
    kept = {record.decision: record for record in await records(site)}
    record = kept[told(answer)]
    assert record.allow is False
    assert record.reason.value == answer.reason
    assert record.reason in (Reason.NOT_READY, Reason.STALE, Reason.AUTHORITY_STALE)


@pytest.mark.parametrize("image", ["acme/vault/secret", "acme/vault/absent"])
@pytest.mark.parametrize(
    ("method", "path", "reason"),
    [("GET", "manifests/1", "no_read"), ("DELETE", "manifests/1", "no_read"), ("POST", "blobs/uploads/", "no_write")],
)
async def test_without_pull_a_denial_says_nothing_of_the_image(
    site: Site, image: str, method: str, path: str, reason: str
) -> None:
    """The detail is the same and generic, and no command says more; the record is there for admins."""
    answer = await site.ask(method, f"/v2/{image}/{path}", auth=site.basic("dave"))
    assert answer.reason == reason
    assert "moorage explain" not in answer.body.decode()
    kept = {record.decision: record for record in await records(site)}
    record = kept[told(answer)]
    assert (record.readable, record.role) == (False, Role.NONE)
    assert record.image == (identifier("im:vault/secret") if image.endswith("secret") else None)


async def test_who_may_pull_learns_which_right_is_missing_and_how_to_ask_why(site: Site) -> None:
    """One sentence with the next step, and the command line that explains it."""
    site.village.image("ledger/api", "ledger", push_policy=PushPolicy.ADMINS_ONLY)
    await site.caught_up()
    for who, method, path, reason, said in (
        ("carol", "POST", UPLOADS, "no_write", f"moorage explain {API} push"),
        ("carol", "DELETE", PULL, "no_write", f"moorage explain {API} delete-tag"),
        ("bob", "POST", UPLOADS, "admins_only", f"moorage explain {API} push"),
        ("bob", "DELETE", f"/v2/{API}/blobs/{BLOB}", "not_admin", f"moorage explain {API} delete"),
    ):
        answer = await site.ask(method, path, auth=site.basic(who))
        message = json.loads(answer.body)["errors"][0]["message"]
        assert (answer.status, answer.code, answer.reason) == (403, "DENIED", reason)
        assert message.endswith(said)


async def test_a_credential_that_counts_no_more_is_recorded_as_such(site: Site) -> None:
    """401 with the reason of the closed list; the challenge stays what clients know."""
    auth = await site.bearer("carol", f"repository:{API}:pull")
    carol = site.village.secrets[site.secrets["carol"]][0]
    assert carol.credential
    site.village.revoke(carol.credential)
    await site.caught_up()
    answer = await site.ask("GET", PULL, auth=auth)
    assert (answer.status, answer.code, answer.reason) == (401, "UNAUTHORIZED", "credential_revoked")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    kept = {record.decision: record for record in await records(site)}
    assert (kept[told(answer)].who, kept[told(answer)].reason) == (carol.principal, Reason.CREDENTIAL_REVOKED)


async def test_a_scope_that_is_missing_is_recorded_as_such(site: Site) -> None:
    """Also that of nobody at all."""
    auth = await site.bearer("alice", "repository:acme/other:pull")
    narrow = await site.ask("GET", PULL, auth=auth)
    nobody = await site.ask("POST", UPLOADS)
    kept = {record.decision: record for record in await records(site)}
    assert (narrow.reason, kept[told(narrow)].reason) == ("scope", Reason.SCOPE)
    assert (nobody.reason, kept[told(nobody)].reason) == ("unauthenticated", Reason.UNAUTHENTICATED)
    assert kept[told(nobody)].principal is PrincipalKind.ANONYMOUS


async def test_a_session_of_an_older_link_says_link_changed(site: Site) -> None:
    """400 `BLOB_UPLOAD_INVALID`, as §4 maps it."""
    auth = site.basic("bob")
    opened = await site.ask("POST", UPLOADS, auth=auth)
    site.village.image("ledger/api", "ledger", link_gen=2)
    await site.caught_up()
    answer = await site.ask("PATCH", opened.headers["Location"], auth=auth, data=b"x")
    assert (answer.status, answer.code, answer.reason) == (400, "BLOB_UPLOAD_INVALID", "link_changed")


async def test_records_wait_while_the_authority_is_away(site: Site) -> None:
    """Nothing is lost, and nothing is sent twice into the trail."""
    await site.push("bob", API)
    before = len(await records(site))
    site.village.away = True
    for _ in range(3):
        await site.ask("GET", PULL)
    assert not await site.gateway.audit.queue.flush(0.5)
    site.village.away = False
    assert len(await records(site)) == before + 3
    assert site.gateway.audit.queue.lost == 0


async def test_closing_the_gateway_sends_what_is_left(tmp_path: Path) -> None:
    """A drained gateway takes no decision with it."""
    async with open_site(tmp_path) as site:
        await site.ask("GET", PULL)
        village = site.village
    assert [record.reason for record in village.audited.values()] == [Reason.UNAUTHENTICATED]


async def test_a_full_queue_stops_writes_and_no_pulls(tmp_path: Path) -> None:
    """503 with Retry-After to who would change something; reads go on, and what is lost is counted."""
    async with open_site(tmp_path, audit_queue=100) as site:
        await site.push("bob", API)
        alice, bob, carol = [site.basic(name) for name in ("alice", "bob", "carol")]
        for auth in (alice, carol):
            assert (await site.ask("GET", PULL, auth=auth)).status == 200
        await records(site)
        site.village.away = True
        # A flood of denials fills its half of the queue, and no more than that.
        for _ in range(60):
            assert (await site.ask("GET", PULL)).status == 401
        assert (len(site.gateway.audit.queue), site.gateway.audit.queue.lost) == (50, 10)
        assert (await site.ask("GET", PULL, auth=carol)).status == 200
        denied = await site.ask("POST", UPLOADS, auth=carol)
        assert (denied.status, denied.headers["Retry-After"]) == (503, "5")
        written = 0
        while (answer := await site.ask("POST", UPLOADS, auth=bob)).status == 202:
            written += 1
        assert (written, answer.status, answer.code) == (50, 503, "UNAVAILABLE")
        assert answer.headers["Retry-After"] == "5"
        assert (await site.ask("DELETE", PULL, auth=alice)).status == 503
        assert (await site.ask("GET", PULL, auth=carol)).status == 200
        assert site.gateway.audit.writes_refused == 3
        site.village.away = False
        await records(site)
        assert (await site.ask("POST", UPLOADS, auth=bob)).status == 202


async def test_the_numbers_are_told(site: Site) -> None:
    """On the internal listener."""
    await site.ask("GET", PULL)
    await records(site)
    async with TestClient(TestServer(site.gateway.internal_app())) as internal:
        numbers = await (await internal.get("/metrics")).text()
    assert "moorage_audit_sent_total 1.0" in numbers
    assert 'moorage_shadow_decisions_total{outcome="mismatch"} 0.0' in numbers


async def test_a_mount_from_what_may_not_be_read_is_recorded_and_not_told(site: Site) -> None:
    """The client gets a plain upload; its header names the decision about the target (V3)."""
    auth = await site.bearer("bob", f"repository:{API}:pull,push", "repository:acme/vault/secret:pull")
    answer = await site.ask("POST", f"{UPLOADS}?mount={BLOB}&from=acme/vault/secret", auth=auth)
    assert answer.status == 202
    kept = {record.decision: record for record in await records(site)}
    assert kept[told(answer)].deed is Deed.PUSH
    (unseen,) = [record for record in kept.values() if record.deed is Deed.PULL]
    assert (unseen.name, unseen.allow) == ("acme/vault/secret", False)


async def test_who_was_denied_looks_the_decision_up(site: Site) -> None:
    """By the id that the answer told, at once; others find nothing."""
    denied = await site.ask("POST", UPLOADS, auth=site.basic("carol"))
    path = f"/api/v1/decisions/{told(denied)}"
    found = await site.ask("GET", path, auth=site.basic("carol"))
    assert (found.status, found.json["reason"], found.json["name"]) == (200, "no_write", API)
    assert (await site.ask("GET", path, auth=site.basic("dave"))).status == 404
    assert (await site.ask("GET", path)).status == 401
    assert (await site.ask("GET", "/api/v1/decisions/none", auth=site.basic("dave"))).status == 404
