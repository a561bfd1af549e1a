"""Image records: first push, creation, look-up, change of link, deletion."""

from uuid import uuid4

import pytest

from contracts.authority_site import ANYBODY, OverASite, Site
from moorage.access import wire
from moorage.access.action import Action
from moorage.access.image import ImageState, Visibility
from moorage.access.problems import AlreadyExists, Forbidden, InputInvalid, NotFound, Problem
from moorage.access.reading_wire import ListCatalogRequest
from moorage.access.reason import Reason
from permissions.sample_facts import (
    grant,
    group,
    group_member,
    repository,
    user,
    uuid_of,
)


class AuthorityOfImages(OverASite):
    """Image records: first push, creation, look-up, change of link, deletion."""

    async def test_a_fact_about_something_unknown_waits_for_it(self, acme: Site) -> None:
        """A grant may arrive before its node, a membership before its group (E1)."""
        await acme.ingest(
            [group_member("later", "olga"), grant("repository:newcomer", "group:later", "admin"), user("olga")]
        )
        olga = await acme.login("olga")
        assert (await acme.push(olga, "newcomer")).reason is Reason.NO_WRITE
        await acme.ingest([repository("newcomer")])
        assert (await acme.push(olga, "newcomer")).reason is Reason.NO_WRITE
        await acme.ingest([group("later")])
        assert (await acme.push(olga, "newcomer")).reason is Reason.OK

    async def test_an_admins_first_push_creates_the_image(self, acme: Site) -> None:
        """Linked to the repository that the name's first part says, with inherited visibility (§1.7)."""
        image = await acme.image()
        assert (image.name, image.repository_slug) == ("acme/hello/api", "hello")
        assert image.repository == uuid_of("repository", "hello")
        assert image.visibility is Visibility.INHERIT
        again = await acme.push(await acme.login("carol"))
        assert again.image is not None
        assert (again.reason, again.image.id) == (Reason.OK, image.id)

    @pytest.mark.parametrize(
        ("account", "image", "reason"),
        [
            ("carol", "hello/api", Reason.RECORD_MISSING),
            ("rita", "hello/api", Reason.RECORD_MISSING),
            ("mia", "hello/api", Reason.NO_WRITE),
            ("olga", "hello", Reason.NO_WRITE),
            ("bob", "nowhere/api", Reason.NO_WRITE),
            ("ada", "nowhere/api", Reason.REPOSITORY_REQUIRED),
        ],
    )
    async def test_other_first_pushes_are_refused(self, acme: Site, account: str, image: str, reason: Reason) -> None:
        """The table of §1.7; nothing is created."""
        who = await acme.login(account)
        answer = await acme.push(who, image)
        assert (answer.reason, answer.image) == (reason, None)
        assert (await acme.check(who, Action.PUSH, image)).reason is reason

    async def test_a_refused_first_push_says_the_next_step(self, acme: Site) -> None:
        """Who has read on the repository learns whom to ask."""
        answer = await acme.push(await acme.login("rita"))
        assert answer.message is not None
        assert "an admin of repository hello can create it: moorage image create acme/hello/api" in answer.message

    async def test_anonymous_creates_nothing(self, acme: Site) -> None:
        """A push without a principal asks to log in."""
        assert (await acme.push(ANYBODY)).reason is Reason.UNAUTHENTICATED

    async def test_a_check_creates_nothing(self, acme: Site) -> None:
        """Whoever may create an image does it by a first push."""
        answer = await acme.check(await acme.login("bob"), Action.PUSH)
        assert (answer.reason, answer.image) == (Reason.RECORD_MISSING, None)

    async def test_an_admin_creates_an_image_before_any_push(self, acme: Site) -> None:
        """By repository slug or uuid; the name need not begin with it."""
        bob = await acme.login("bob")
        for number, wanted in enumerate(("hello", str(uuid_of("repository", "hello")))):
            body = await acme.authority.create_image(
                wire.CreateImageRequest(identity=bob, workspace="acme", image=f"tools/{number}", repository=wanted)
            )
            assert body.repository_slug == "hello"
            assert (await acme.check(await acme.login("carol"), Action.PUSH, f"tools/{number}")).reason is Reason.OK

    async def test_creating_is_refused_with_what_may_be_known(self, acme: Site) -> None:
        """Taken, badly named, not admin, no such repository for this person."""
        await acme.image()

        async def create(account: str, image: str, wanted: str = "hello") -> Problem:
            with pytest.raises(Problem) as refused:
                await acme.authority.create_image(
                    wire.CreateImageRequest(
                        identity=await acme.login(account), workspace="acme", image=image, repository=wanted
                    )
                )
            return refused.value

        assert isinstance(await create("bob", "hello/api"), AlreadyExists)
        assert isinstance(await create("bob", "Hello"), InputInvalid)
        assert isinstance(await create("bob", ""), InputInvalid)
        assert isinstance(await create("bob", "x/" + "y" * 250), InputInvalid)
        refused = await create("carol", "hello/new")
        assert isinstance(refused, Forbidden)
        assert refused.members["reason"] == Reason.NOT_ADMIN
        hidden, missing = await create("olga", "hello/api"), await create("olga", "hello/api", "nowhere")
        assert isinstance(hidden, NotFound)
        assert hidden.detail.replace("hello", "nowhere") == missing.detail

    async def test_images_are_found_by_who_may_pull(self, acme: Site) -> None:
        """By id and by name; for others they don't exist."""
        image = await acme.image()
        rita, olga = await acme.login("rita"), await acme.login("olga")
        for who in (wire.FindImageRequest(identity=rita, id=image.id),):
            assert (await acme.authority.find_image(who)).id == image.id
        by_name = wire.FindImageRequest(identity=rita, workspace="acme", image="hello/api")
        assert (await acme.authority.find_image(by_name)).id == image.id
        for request in (
            wire.FindImageRequest(identity=olga, id=image.id),
            wire.FindImageRequest(identity=olga, id=uuid4()),
            wire.FindImageRequest(identity=rita, workspace="acme", image="hello/other"),
        ):
            with pytest.raises(NotFound):
                await acme.authority.find_image(request)

    async def test_a_list_is_what_one_may_pull_in_pages(self, acme: Site) -> None:
        """Complete, by name, without counting what is hidden (R80)."""
        bob, ada = await acme.login("bob"), await acme.login("ada")
        for name in ("hello/c", "hello/a", "hello/b"):
            await acme.push(bob, name)
        await acme.push(ada, "ledger/hidden")
        rita = await acme.login("rita")
        first = await acme.authority.list_images(wire.ListImagesRequest(identity=rita, workspace="acme", limit=2))
        assert [image.name for image in first.images] == ["acme/hello/a", "acme/hello/b"]
        rest = await acme.authority.list_images(
            wire.ListImagesRequest(identity=rita, workspace="acme", cursor=first.cursor, limit=2)
        )
        assert ([image.name for image in rest.images], rest.cursor) == (["acme/hello/c"], None)
        nothing = await acme.authority.list_images(
            wire.ListImagesRequest(identity=await acme.login("olga"), workspace="acme")
        )
        assert nothing.images == []
        with pytest.raises(NotFound):
            await acme.authority.list_images(wire.ListImagesRequest(identity=rita, workspace="nowhere"))

    async def test_a_catalogue_is_what_one_may_pull_anywhere(self, acme: Site) -> None:
        """In pages, by workspace and name."""
        bob, rita = await acme.login("bob"), await acme.login("rita")
        for name in ("hello/b", "hello/a"):
            await acme.push(bob, name)
        first = await acme.authority.list_catalog(ListCatalogRequest(identity=rita, limit=1))
        assert ([image.name for image in first.images], first.cursor) == (["acme/hello/a"], "acme/hello/a")
        rest = await acme.authority.list_catalog(ListCatalogRequest(identity=rita, cursor=first.cursor))
        assert ([image.name for image in rest.images], rest.cursor) == (["acme/hello/b"], None)
        nothing = await acme.authority.list_catalog(ListCatalogRequest(identity=await acme.login("olga")))
        assert (nothing.images, nothing.cursor) == ([], None)

    async def test_relinking_moves_rights_in_one_step(self, acme: Site) -> None:
        """The new repository's people have the image, the old one's don't; visibility is inherited again (§1.7)."""
        image = await acme.image()
        bob, ada, rita = [await acme.login(each) for each in ("bob", "ada", "rita")]
        await acme.authority.set_image(wire.SetImageRequest(identity=bob, id=image.id, visibility=Visibility.WORKSPACE))
        request = wire.RelinkImageRequest(identity=bob, id=image.id, repository="ledger")
        with pytest.raises(NotFound):
            await acme.authority.relink_image(request)
        moved = await acme.authority.relink_image(request.model_copy(update={"identity": ada}))
        assert (moved.repository_slug, moved.link_gen, moved.visibility) == ("ledger", 2, Visibility.INHERIT)
        assert (await acme.check(rita, Action.PULL)).reason is Reason.NO_READ
        assert (await acme.check(await acme.login("carol"), Action.PUSH)).reason is Reason.OK

    async def test_a_deleted_image_frees_its_name(self, acme: Site) -> None:
        """Its id is gone too; the next image of the name is another."""
        image = await acme.image()
        bob, carol = await acme.login("bob"), await acme.login("carol")
        with pytest.raises(Forbidden):
            await acme.authority.delete_image(wire.DeleteImageRequest(identity=carol, id=image.id))
        gone = await acme.authority.delete_image(wire.DeleteImageRequest(identity=bob, id=image.id))
        assert gone.state is ImageState.DELETED
        with pytest.raises(NotFound):
            await acme.authority.delete_image(wire.DeleteImageRequest(identity=bob, id=image.id))
        assert (await acme.image()).id != image.id

    async def test_changes_by_strangers_say_nothing(self, acme: Site) -> None:
        """An id that exists answers like one that doesn't."""
        image = await acme.image()
        olga = await acme.login("olga")
        told = set()
        for id in (image.id, uuid4()):
            with pytest.raises(NotFound) as refused:
                await acme.authority.delete_image(wire.DeleteImageRequest(identity=olga, id=id))
            told.add(str(refused.value.body()))
        assert len(told) == 1
