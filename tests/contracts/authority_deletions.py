"""What can be undone about a deleted image, by whom, and what it comes back as (authorization.md §1.9)."""

from uuid import uuid4

import pytest

from contracts.authority_site import ANYBODY, OverASite, Site
from moorage.access import deletion_wire, wire
from moorage.access.action import Action
from moorage.access.audit import Deed, ListAuditRequest
from moorage.access.consistency import ConsistencyToken
from moorage.access.image import ImageState, Visibility
from moorage.access.problems import AlreadyExists, Forbidden, InputInvalid, NotFound, Problem
from moorage.access.reason import Reason
from permissions.sample_facts import repository, workspace


async def deleted(acme: Site, image: wire.ImageBody, account: str = "bob") -> wire.ImageBody:
    """The image, deleted by this user."""
    who = await acme.login(account)
    return await acme.authority.delete_image(wire.DeleteImageRequest(identity=who, id=image.id))


async def restored(acme: Site, image: wire.ImageBody, account: str = "bob") -> wire.ImageBody:
    """The image, restored by this user."""
    who = await acme.login(account)
    return await acme.authority.restore_image(deletion_wire.RestoreImageRequest(identity=who, id=image.id))


async def listed(acme: Site, account: str, limit: int = 100, cursor: str | None = None) -> wire.ListImagesAnswer:
    """A page of the deleted images that this user can restore."""
    who = await acme.login(account)
    asked = deletion_wire.ListDeletedImagesRequest(identity=who, workspace="acme", limit=limit, cursor=cursor)
    return await acme.authority.list_deleted_images(asked)


class AuthorityThatUndoes(OverASite):
    """What can be undone about a deleted image."""

    async def test_a_restored_image_is_the_one_that_was_deleted(self, acme: Site) -> None:
        """With its settings; its link is a new generation, so that no session from before goes on (§1.7)."""
        image = await acme.image()
        bob, mia = await acme.login("bob"), await acme.login("mia")
        setting = wire.SetImageRequest(identity=bob, id=image.id, visibility=Visibility.WORKSPACE)
        before = await acme.authority.set_image(setting)
        gone = await deleted(acme, image)
        assert gone.deleted_at
        assert gone.restorable_until
        assert gone.deleted_at < gone.restorable_until
        assert (await acme.check(mia, Action.PULL)).reason is Reason.NO_READ
        back = await restored(acme, image)
        assert (back.id, back.state, back.visibility) == (image.id, ImageState.ACTIVE, Visibility.WORKSPACE)
        assert (back.link_gen, back.restorable_until) == (before.link_gen + 1, None)
        assert before.acl_seq < gone.acl_seq < back.acl_seq
        assert back.token
        assert ConsistencyToken.parse(back.token).seq == back.acl_seq
        assert (await acme.check(mia, Action.PULL)).reason is Reason.OK

    async def test_restoring_again_changes_nothing(self, acme: Site) -> None:
        """The answer to the first request may have been lost."""
        image = await acme.image()
        await deleted(acme, image)
        first = await restored(acme, image)
        assert (await restored(acme, image)).link_gen == first.link_gen

    async def test_whoever_could_delete_it_restores_it(self, acme: Site) -> None:
        """An admin or an owner; readers and writers are told what they lack, others that there is nothing (V3)."""
        image = await acme.image()
        await deleted(acme, image)
        for account in ("carol", "rita"):
            with pytest.raises(Forbidden) as refused:
                await restored(acme, image, account)
            assert refused.value.members["reason"] == Reason.NOT_ADMIN
        for who in (await acme.login("mia"), await acme.login("olga"), ANYBODY):
            told = set()
            for id in (image.id, uuid4()):
                with pytest.raises((NotFound, Forbidden)) as hidden:
                    await acme.authority.restore_image(deletion_wire.RestoreImageRequest(identity=who, id=id))
                told.add(str(hidden.value.body()))
            assert len(told) == 1
        assert (await restored(acme, image, "ada")).state is ImageState.ACTIVE

    async def test_a_name_that_is_taken_stays_with_who_has_it(self, acme: Site) -> None:
        """Until that one is deleted too."""
        old = await acme.image()
        await deleted(acme, old)
        new = await acme.image()
        with pytest.raises(AlreadyExists):
            await restored(acme, old)
        held = (await acme.check(await acme.login("bob"), Action.PULL)).image
        assert held
        assert held.id == new.id
        await deleted(acme, new)
        assert (await restored(acme, old)).id == old.id

    async def test_an_image_comes_back_detached_if_its_repository_is_gone(self, acme: Site) -> None:
        """Owners restore it then; the repository's return counts as for any detached image."""
        image = await acme.image()
        await deleted(acme, image)
        await acme.ingest([repository("hello", state="deleted")])
        with pytest.raises(Forbidden) as refused:
            await restored(acme, image)
        assert refused.value.members["reason"] == Reason.DETACHED
        assert (await restored(acme, image, "ada")).state is ImageState.DETACHED
        await acme.ingest([repository("hello")])
        assert (await acme.check(await acme.login("bob"), Action.PUSH)).reason is Reason.OK

    async def test_what_a_repository_went_through_meanwhile_counts(self, acme: Site) -> None:
        """Deleted and undeleted: as before. Transferred and back: detached until an owner relinks the image."""
        image = await acme.image()
        await deleted(acme, image)
        await acme.ingest([repository("hello", state="deleted")])
        await acme.ingest([repository("hello")])
        assert (await restored(acme, image)).state is ImageState.ACTIVE
        await deleted(acme, image)
        await acme.ingest([repository("hello", state="transferred")])
        await acme.ingest([repository("hello")])
        assert (await restored(acme, image, "ada")).state is ImageState.DETACHED
        assert (await acme.check(await acme.login("bob"), Action.PUSH)).reason is Reason.DETACHED

    async def test_a_detached_image_that_was_deleted_comes_back_with_its_repository(self, acme: Site) -> None:
        """It was detached first, and only then deleted."""
        image = await acme.image()
        await acme.ingest([repository("hello", state="deleted")])
        await deleted(acme, image, "ada")
        await acme.ingest([repository("hello")])
        assert (await restored(acme, image)).state is ImageState.ACTIVE

    async def test_nothing_comes_back_in_a_suspended_workspace(self, acme: Site) -> None:
        """As nothing is deleted there."""
        image = await acme.image()
        await deleted(acme, image)
        await acme.ingest([workspace(state="suspended")])
        with pytest.raises(Forbidden) as refused:
            await restored(acme, image)
        assert refused.value.members["reason"] == Reason.SUSPENDED

    async def test_admins_list_what_they_can_restore(self, acme: Site) -> None:
        """By name, in pages; two of one name both. Nobody else learns that anything was deleted."""
        images = [await acme.image(name=name) for name in ("hello/b", "hello/a")]
        for image in images:
            await deleted(acme, image)
        images.append(await acme.image(name="hello/a"))
        await deleted(acme, images[2])
        first = await listed(acme, "bob", limit=2)
        assert [image.name for image in first.images] == ["acme/hello/a", "acme/hello/a"]
        rest = await listed(acme, "ada", limit=2, cursor=first.cursor)
        assert ([image.name for image in rest.images], rest.cursor) == (["acme/hello/b"], None)
        assert {image.id for image in (*first.images, *rest.images)} == {image.id for image in images}
        assert all(image.restorable_until for image in first.images)
        for account in ("carol", "rita", "mia", "olga"):
            assert (await listed(acme, account)).images == []
        await restored(acme, images[0])
        assert [image.name for image in (await listed(acme, "bob")).images] == ["acme/hello/a", "acme/hello/a"]
        with pytest.raises(InputInvalid):
            await listed(acme, "bob", cursor="nonsense")

    async def test_restorations_are_audited(self, acme: Site) -> None:
        """The one that was made, the one that was refused, and the one that found its name taken."""
        image = await acme.image()
        await deleted(acme, image)
        await acme.image()
        problems: list[Problem] = []
        for account in ("carol", "bob"):
            with pytest.raises((Forbidden, AlreadyExists)) as refused:
                await restored(acme, image, account)
            problems.append(refused.value)
        await deleted(acme, (await acme.authority.find_image(await _named(acme, "bob"))))
        await restored(acme, image)
        asked = ListAuditRequest(identity=await acme.login("bob"), image=str(image.id))
        records = (await acme.authority.list_audit(asked)).records
        made = [record for record in records if record.deed is Deed.RESTORE_IMAGE]
        assert [(record.allow, record.change) for record in made] == [
            (True, {}),
            (True, {"failed": "already-exists"}),
            (False, {}),
        ]
        assert [problem.decision for problem in problems] == [made[2].decision, made[1].decision]

    async def test_nothing_is_dropped_that_can_be_restored(self, acme: Site) -> None:
        """Whatever anybody says about it."""
        image = await acme.image()
        await deleted(acme, image)
        assert (await acme.authority.purgeable(deletion_wire.PurgeableRequest())).images == []
        assert (await acme.authority.purged(deletion_wire.PurgedRequest(images=[image.id, uuid4()]))).purged == 0
        assert (await restored(acme, image)).id == image.id

    async def test_a_fresh_record_is_given_time(self, acme: Site) -> None:
        """Whatever anybody says about it, and about what is no image."""
        image = await acme.image()
        assert (await acme.authority.unpushed(deletion_wire.UnpushedRequest())).images == []
        told = deletion_wire.LookedIntoRequest(empty=[image.id, uuid4()], holding=[uuid4()])
        assert (await acme.authority.looked_into(told)).ended == 0
        assert (await acme.authority.find_image(await _named(acme, "bob"))).id == image.id


async def _named(acme: Site, account: str) -> wire.FindImageRequest:
    return wire.FindImageRequest(identity=await acme.login(account), workspace="acme", image="hello/api")
