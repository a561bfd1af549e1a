"""The authority's audit: what it records of its own answers, and who may read what was recorded."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from contracts.authority_site import ANYBODY, OverASite, Site
from moorage.access import wire
from moorage.access.action import Action
from moorage.access.audit import (
    AuditRecord,
    Deed,
    FindDecisionRequest,
    KeepAuditRequest,
    ListAuditAnswer,
    ListAuditRequest,
    Mode,
)
from moorage.access.consistency import ConsistencyToken
from moorage.access.decision import Decision
from moorage.access.deletion_wire import RestoreImageRequest
from moorage.access.image import Visibility
from moorage.access.principal import Scope
from moorage.access.problems import AlreadyExists, Forbidden, InputInvalid, NotFound, Problem
from moorage.access.reason import Reason
from moorage.access.role import Role
from permissions.sample_facts import grant, uuid_of

VIA = wire.Via(method="PUT", remote="10.1.2.3", request="r-1")


def by_request(who: wire.IdentityBody) -> wire.IdentityBody:
    """Somebody who asks by a request of the management API."""
    return who.model_copy(update={"via": VIA})


async def listed(site: Site, who: wire.IdentityBody, **query: object) -> ListAuditAnswer:
    """What `who` may read."""
    return await site.authority.list_audit(ListAuditRequest.model_validate({"identity": who, **query}))


async def deeds(site: Site, **query: object) -> list[tuple[Deed, bool]]:
    """What the operator reads, oldest first."""
    found = await listed(site, await site.operator(), **query)
    return [(record.deed, record.allow) for record in reversed(found.records)]


async def found(site: Site, who: wire.IdentityBody, decision: UUID) -> AuditRecord:
    """The record behind an id."""
    return await site.authority.find_decision(FindDecisionRequest(identity=who, decision=decision))


def of_gateway(who: wire.IdentityBody, image: wire.ImageBody | None, *, readable: bool) -> AuditRecord:
    """A denial that a gateway tells of."""
    decision = Decision(Reason.NO_WRITE, Role.READ if readable else Role.NONE, readable, ConsistencyToken(1, 5))
    made = AuditRecord.of(who.value(), Deed.PUSH, decision, datetime.now(UTC), Mode.LOCAL)
    known = {"image": image.id, "workspace": image.workspace_id, "name": image.name} if image else {}
    return made.model_copy(update={**known, "via": VIA, "staleness_ms": 40})


class AuthorityThatAudits(OverASite):
    """What is recorded, and who may read it."""

    async def test_changes_are_recorded_with_who_what_and_where(self, acme: Site) -> None:
        """In the transaction that makes them: creation, settings, relink, deletion, each at the position before it."""
        image = await acme.image()
        bob, ada = by_request(await acme.login("bob")), by_request(await acme.login("ada"))
        await acme.authority.set_image(wire.SetImageRequest(identity=bob, id=image.id, visibility=Visibility.WORKSPACE))
        await acme.authority.relink_image(wire.RelinkImageRequest(identity=ada, id=image.id, repository="ledger"))
        await acme.authority.delete_image(wire.DeleteImageRequest(identity=ada, id=image.id))
        page = await listed(acme, ada, image=str(image.id))
        records = {record.deed: record for record in page.records}
        assert list(reversed(records)) == [Deed.CREATE_IMAGE, Deed.SET_IMAGE, Deed.RELINK_IMAGE, Deed.DELETE_IMAGE]
        assert all(record.allow and record.mode is Mode.AUTHORITY for record in records.values())
        setting = records[Deed.SET_IMAGE]
        assert (setting.who, setting.via, setting.change) == (bob.value().principal, VIA, {"visibility": "workspace"})
        assert (setting.name, setting.workspace) == ("acme/hello/api", uuid_of("workspace", "acme"))
        assert records[Deed.RELINK_IMAGE].change == {"repository": "ledger"}
        assert setting.token < records[Deed.RELINK_IMAGE].token < records[Deed.DELETE_IMAGE].token

    async def test_settings_of_workspaces_and_tokens_are_recorded(self, acme: Site) -> None:
        """Without any secret."""
        made = await acme.token("bob")
        ada = by_request(await acme.login("ada"))
        await acme.set_workspace(wire.SetWorkspaceRequest(identity=ada, workspace="acme", allow_public=True))
        bob = await acme.login("bob")
        await acme.authority.revoke_token(wire.RevokeTokenRequest(identity=bob, token=made.token.id))
        page = await listed(acme, await acme.operator())
        newest = page.records[0]
        assert (newest.deed, newest.change["token"]) == (Deed.REVOKE_TOKEN, str(made.token.id))
        assert {Deed.CREATE_TOKEN, Deed.SET_WORKSPACE} <= {record.deed for record in page.records}
        assert made.secret not in page.model_dump_json()
        (setting,) = (await listed(acme, ada, workspace="acme")).records
        assert (setting.deed, setting.change) == (Deed.SET_WORKSPACE, {"allow_public": "True"})

    async def test_refused_changes_are_recorded_and_name_the_record(self, acme: Site) -> None:
        """To who may know of the image and to who may not; the name that is taken is told to its admins only."""
        image = await acme.image()
        carol, olga, bob = [by_request(await acme.login(each)) for each in ("carol", "olga", "bob")]
        problems: list[Problem] = []
        for who in (carol, olga):
            with pytest.raises((Forbidden, NotFound)) as refused:
                await acme.authority.delete_image(wire.DeleteImageRequest(identity=who, id=image.id))
            problems.append(refused.value)
        create = wire.CreateImageRequest(identity=bob, workspace="acme", image="hello/api", repository="hello")
        with pytest.raises(AlreadyExists) as taken:
            await acme.authority.create_image(create)
        first, second, third = [each.decision for each in (*problems, taken.value)]
        assert first
        assert second
        assert third
        denied = await found(acme, carol, first)
        assert (denied.deed, denied.allow, denied.reason) == (Deed.DELETE_IMAGE, False, Reason.NOT_ADMIN)
        assert (denied.image, denied.via, denied.who) == (image.id, VIA, carol.value().principal)
        unseen = await found(acme, olga, second)
        assert (unseen.allow, unseen.reason, unseen.image, unseen.workspace) == (False, Reason.NOT_ADMIN, None, None)
        assert (await found(acme, bob, second)).image == image.id
        assert (await found(acme, bob, third)).change == {"failed": "already-exists"}

    async def test_a_record_that_is_not_shown_is_a_denial_too(self, acme: Site) -> None:
        """Of a pull, by id or by name; the id of the decision tells nothing more (V3)."""
        image = await acme.image()
        ada, olga = await acme.login("ada"), by_request(await acme.login("olga"))
        asked = [
            wire.FindImageRequest(identity=olga, id=image.id),
            wire.FindImageRequest(identity=olga, id=uuid4()),
            wire.FindImageRequest(identity=olga, workspace="acme", image="hello/api"),
            wire.FindImageRequest(identity=olga, workspace="acme", image="hello/absent"),
        ]
        told = []
        for request in asked:
            with pytest.raises(NotFound) as refused:
                await acme.authority.find_image(request)
            assert refused.value.decision
            told.append(await found(acme, olga, refused.value.decision))
        assert [(each.deed, each.allow, each.reason) for each in told] == [(Deed.PULL, False, Reason.NO_READ)] * 4
        assert [each.name for each in told] == ["", "", "acme/hello/api", "acme/hello/absent"]
        assert not [each for each in told if each.image or each.workspace]
        assert (await found(acme, ada, told[0].decision)).image == image.id

    async def test_a_question_from_outside_is_recorded_and_one_of_a_gateway_is_not(self, acme: Site) -> None:
        """A gateway records the decisions it takes, whoever it asked."""
        image = await acme.image()
        carol = await acme.login("carol")
        before = await deeds(acme)
        assert (await acme.check(carol, Action.DELETE)).decision_id is None
        asked = await acme.check(by_request(carol), Action.DELETE)
        assert asked.decision_id
        assert (await deeds(acme))[len(before) :] == [(Deed.DELETE, False)]
        kept = await found(acme, carol, asked.decision_id)
        assert (kept.image, kept.token, kept.mode) == (image.id, ConsistencyToken.parse(asked.token), Mode.AUTHORITY)

    async def test_records_of_gateways_are_kept_once(self, acme: Site) -> None:
        """However often a batch is sent."""
        image, carol = await acme.image(), await acme.login("carol")
        batch = KeepAuditRequest(records=[of_gateway(carol, image, readable=True)])
        assert (await acme.authority.keep_audit(batch)).kept == 1
        assert (await acme.authority.keep_audit(batch)).kept == 0
        assert await found(acme, carol, batch.records[0].decision) == batch.records[0]

    async def test_whom_a_decision_is_about_reads_it_and_no_more_than_was_told(self, acme: Site) -> None:
        """Of an image that may not be known, neither the id nor a role; others read nothing at all."""
        image = await acme.image()
        olga, carol, bob, ada = [await acme.login(each) for each in ("olga", "carol", "bob", "ada")]
        hidden = of_gateway(olga, image, readable=False)
        absent = of_gateway(olga, None, readable=False)
        nobody = of_gateway(ANYBODY, None, readable=False)
        await acme.authority.keep_audit(KeepAuditRequest(records=[hidden, absent, nobody]))
        own = await found(acme, olga, hidden.decision)
        assert (own.image, own.workspace, own.role, own.reason) == (None, None, Role.NONE, Reason.NO_WRITE)
        for admin in (bob, ada, await acme.operator()):
            assert (await found(acme, admin, hidden.decision)).image == image.id
        for who, decision in (
            (carol, hidden.decision),
            (bob, absent.decision),
            (ANYBODY, nobody.decision),
            (olga, uuid4()),
        ):
            with pytest.raises(NotFound) as refused:
                await found(acme, who, decision)
            assert refused.value.detail == "no decision of this id is yours to read"

    async def test_the_trail_is_read_by_owners_admins_and_the_operator(self, acme: Site) -> None:
        """A workspace by its owners, an image by its admins; others learn what they may know."""
        image = await acme.image()
        bob, carol, olga, ada = [await acme.login(each) for each in ("bob", "carol", "olga", "ada")]
        for who in (bob, ada, await acme.operator()):
            for image_named in (image.name, str(image.id)):
                assert (await listed(acme, who, image=image_named)).records
        assert (await listed(acme, ada, workspace="acme")).records
        assert (await listed(acme, await acme.operator())).records
        refusals: list[tuple[wire.IdentityBody, dict[str, object], type[Problem]]] = [
            (bob, {"workspace": "acme"}, Forbidden),
            (bob, {}, InputInvalid),
            (carol, {"image": image.name}, Forbidden),
            (olga, {"image": image.name}, NotFound),
            (olga, {"image": "acme/hello/absent"}, NotFound),
            (olga, {"image": str(uuid4())}, NotFound),
            (olga, {"workspace": "nowhere"}, NotFound),
            (await acme.login("ada", frozenset({Scope.READ})), {"workspace": "acme"}, Forbidden),
            (ANYBODY, {"image": image.name}, Forbidden),
            (ada, {"workspace": "acme", "cursor": "none of ours"}, InputInvalid),
            (ada, {"workspace": "acme", "about": "user:none"}, InputInvalid),
            (ada, {"workspace": "acme", "since": "2026-11-24T12:00:00"}, InputInvalid),
        ]
        for who, query, kind in refusals:
            with pytest.raises(kind):
                await listed(acme, who, **query)

    async def test_an_admin_reads_of_one_image_only(self, acme: Site) -> None:
        """A workspace beside the image that is not the image's gives nothing; nor do other images."""
        image, other = await acme.image(), await acme.image("ada", "ledger/api")
        bob = await acme.login("bob")
        with pytest.raises(NotFound):
            await listed(acme, bob, image=other.name)
        assert {record.image for record in (await listed(acme, bob, image=image.name)).records} == {image.id}

    async def test_pages_and_filters_narrow_the_trail(self, acme: Site) -> None:
        """By principal in any spelling, by outcome, by time, page after page."""
        image, ada = await acme.image(), await acme.login("ada")
        carol, rita = await acme.login("carol"), await acme.login("rita")
        records = [of_gateway(carol, image, readable=True) for _ in range(5)]
        await acme.authority.keep_audit(KeepAuditRequest(records=[*records, of_gateway(rita, image, readable=True)]))
        about = {"carol", str(uuid_of("user", "carol")), f"user:{uuid_of('user', 'carol')}"}
        for spelling in about:
            page = await listed(acme, ada, workspace="acme", about=spelling, allow=False)
            assert {record.decision for record in page.records} == {record.decision for record in records}
        first = await listed(acme, ada, workspace="acme", about="carol", limit=3)
        rest = await listed(acme, ada, workspace="acme", about="carol", limit=3, cursor=first.cursor)
        assert (len(first.records), len(rest.records), rest.cursor) == (3, 2, None)
        hour = timedelta(hours=1)
        assert not (await listed(acme, ada, workspace="acme", since=datetime.now(UTC) + hour)).records
        assert not (await listed(acme, ada, workspace="acme", until=datetime.now(UTC) - hour)).records

    async def test_who_is_out_reads_no_more(self, acme: Site) -> None:
        """The right to read is judged at head, like every other."""
        image, bob = await acme.image(), await acme.login("bob")
        assert (await listed(acme, bob, image=image.name)).records
        await acme.ingest([grant("repository:hello", "user:bob", "none")])
        with pytest.raises((Forbidden, NotFound)):
            await listed(acme, bob, image=image.name)

    async def test_a_change_names_its_decision_beside_its_body(self, acme: Site) -> None:
        """Every change of the API; the id resolves to the record, and is in no JSON."""
        authority, bob, ada = acme.authority, await acme.login("bob"), await acme.login("ada")
        created = await authority.create_image(
            wire.CreateImageRequest(identity=bob, workspace="acme", image="hello/audited", repository="hello")
        )
        of = {"identity": bob, "id": created.id}
        token = await authority.create_token(wire.CreateTokenRequest(identity=bob, spec=wire.TokenSpec(name="t")))
        settings = wire.SetWorkspaceRequest(identity=ada, workspace="acme", pipeline_create=True)
        changed: list[tuple[Deed, wire.Changed]] = [
            (Deed.CREATE_IMAGE, created),
            (Deed.CREATE_TOKEN, token),
            (Deed.SET_IMAGE, await authority.set_image(wire.SetImageRequest(**of, visibility=Visibility.WORKSPACE))),
            (Deed.RELINK_IMAGE, await authority.relink_image(wire.RelinkImageRequest(**of, repository="hello"))),
            (Deed.SET_WORKSPACE, await authority.set_workspace(settings)),
            (Deed.DELETE_IMAGE, await authority.delete_image(wire.DeleteImageRequest(**of))),
            (Deed.RESTORE_IMAGE, await authority.restore_image(RestoreImageRequest(**of))),
            (
                Deed.REVOKE_TOKEN,
                await authority.revoke_token(wire.RevokeTokenRequest(identity=bob, token=token.token.id)),
            ),
        ]
        operator = await acme.operator()
        for deed, answer in changed:
            assert answer.decision_id is not None, deed
            record = await found(acme, operator, answer.decision_id)
            assert (record.deed, record.allow) == (deed, True)
            assert str(answer.decision_id) not in answer.model_dump_json()
            assert "decision_id" not in answer.model_dump()

    async def test_turning_public_images_off_is_an_event_of_its_own(self, acme: Site) -> None:
        """Once, when it happens: not while they are off already, nor when they are turned on (V2)."""
        ada = await acme.login("ada")
        for allowed in (False, True, False, False):
            await acme.set_workspace(wire.SetWorkspaceRequest(identity=ada, workspace="acme", allow_public=allowed))
        told = [deed for deed, _ in await deeds(acme, workspace="acme")]
        assert told.count(Deed.PUBLIC_DISABLED) == 1
        assert told.count(Deed.SET_WORKSPACE) == 4
