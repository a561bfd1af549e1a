"""Publishing: who may publish an image beside its writers, and what a workspace says of it (authorization.md §1.8)."""

from typing import Any
from uuid import UUID

import pytest

from contracts.authority_site import OverASite, Site
from moorage.access import wire
from moorage.access.action import Action
from moorage.access.image import PushPolicy
from moorage.access.principal import Identity, Principal, PrincipalKind
from moorage.access.problems import Forbidden, InputInvalid, NotFound
from moorage.access.publisher_body import PublisherBody
from moorage.access.publishers import PipelineRun
from moorage.access.reading_wire import FindWorkspaceRequest
from moorage.access.reason import Reason
from permissions.sample_facts import environment, repository, uuid_of

ANY_PIPELINE = PublisherBody(any_pipeline=True)


def pipeline(of: str, environment: str | None = None, branch: str | None = None) -> wire.IdentityBody:
    """A run of the repository's pipeline."""
    run = PipelineRun(uuid_of("environment", environment) if environment else None, branch)
    return wire.IdentityBody.of(Identity(Principal(PrincipalKind.PIPELINE, uuid_of("repository", of)), run=run))


def publisher(environment: str, *branches: str) -> PublisherBody:
    """An environment that publishes."""
    return PublisherBody(environment=uuid_of("environment", environment), branches=branches)


async def set_image(acme: Site, id: UUID, who: str = "bob", **settings: Any) -> wire.ImageBody:
    """Changes an image."""
    return await acme.authority.set_image(wire.SetImageRequest(identity=await acme.login(who), id=id, **settings))


async def set_workspace(acme: Site, **settings: Any) -> object:
    """Changes the workspace, as its owner."""
    identity = await acme.login("ada")
    return await acme.set_workspace(wire.SetWorkspaceRequest(identity=identity, workspace="acme", **settings))


class AuthorityThatPublishes(OverASite):
    """Publishers, defaults, consumers, and the glass that admins break."""

    async def test_an_environment_publishes_once_it_is_listed(self, acme: Site) -> None:
        """Not before, not from another branch, and no longer than it lives."""
        image = await acme.image()
        await acme.ingest([environment("production", "hello")])
        main = pipeline("hello", "production", "main")
        assert (await acme.check(main, Action.PUSH)).reason is Reason.ENVIRONMENT_NOT_PUBLISHER
        changed = await set_image(acme, image.id, publishers=[publisher("production", "main", "release/*")])
        assert changed.publishers == [publisher("production", "main", "release/*")]
        assert (await acme.check(main, Action.PUSH)).reason is Reason.OK
        other = pipeline("hello", "production", "dev")
        assert (await acme.check(other, Action.PUSH)).reason is Reason.BRANCH_NOT_ALLOWED
        await acme.ingest([environment("production", "hello", state="deleted")])
        assert (await acme.check(main, Action.PUSH)).reason is Reason.ENVIRONMENT_NOT_PUBLISHER
        assert (await acme.check(main, Action.PULL)).reason is Reason.OK

    async def test_only_environments_of_the_linked_repository_can_be_listed(self, acme: Site) -> None:
        """Unknown ones, deleted ones and those of other repositories read the same."""
        image = await acme.image()
        await acme.ingest([environment("staging", "hello", state="deleted"), environment("books", "ledger")])
        for name in ("nowhere", "staging", "books"):
            with pytest.raises(InputInvalid) as refused:
                await set_image(acme, image.id, publishers=[ANY_PIPELINE, publisher(name)])
            assert refused.value.members["errors"][0]["at"] == "publishers.1.environment"
            assert str(uuid_of("environment", name)) in refused.value.detail

    async def test_owners_see_what_they_have_set(self, acme: Site) -> None:
        """And the operator does; others learn no more than whether there is such a workspace."""
        await set_workspace(acme, default_publishers=[ANY_PIPELINE], pipeline_create=True, allow_public=True)
        for who in (await acme.login("ada"), await acme.operator()):
            shown = await acme.authority.find_workspace(FindWorkspaceRequest(identity=who, workspace="acme"))
            assert (shown.slug, shown.allow_public, shown.pipeline_create) == ("acme", True, True)
            assert shown.default_publishers == [ANY_PIPELINE]
        for account, workspace, problem in (("bob", "acme", Forbidden), ("ada", "nowhere", NotFound)):
            asked = FindWorkspaceRequest(identity=await acme.login(account), workspace=workspace)
            with pytest.raises(problem):
                await acme.authority.find_workspace(asked)

    async def test_a_list_replaces_the_list(self, acme: Site) -> None:
        """The empty one ends publishing; what is not given stays."""
        image = await acme.image()
        await set_image(acme, image.id, publishers=[ANY_PIPELINE, ANY_PIPELINE], admin_override=True)
        stays = await set_image(acme, image.id, push_policy=PushPolicy.PIPELINES_ONLY)
        assert (stays.publishers, stays.admin_override) == ([ANY_PIPELINE], True)
        ended = await set_image(acme, image.id, publishers=[])
        assert ended.publishers == []
        again = await set_image(acme, image.id, publishers=[])
        assert again.acl_seq == ended.acl_seq

    async def test_admins_break_the_glass_and_put_it_back(self, acme: Site) -> None:
        """Meanwhile admins push although only pipelines may; writers don't."""
        image = await acme.image()
        bob, carol = await acme.login("bob"), await acme.login("carol")
        await set_image(acme, image.id, push_policy=PushPolicy.PIPELINES_ONLY, publishers=[ANY_PIPELINE])
        assert (await acme.check(bob, Action.PUSH)).reason is Reason.PIPELINES_ONLY
        assert (await acme.check(pipeline("hello"), Action.PUSH)).reason is Reason.OK
        assert (await set_image(acme, image.id, admin_override=True)).admin_override
        assert (await acme.check(bob, Action.PUSH)).reason is Reason.OK
        assert (await acme.check(carol, Action.PUSH)).reason is Reason.PIPELINES_ONLY
        await set_image(acme, image.id, admin_override=False)
        assert (await acme.check(bob, Action.PUSH)).reason is Reason.PIPELINES_ONLY

    async def test_a_default_narrows_what_there_is(self, acme: Site) -> None:
        """Counted at every decision, and no image's own word is lost; the two narrow policies are no narrowing."""
        image = await acme.image()
        carol = await acme.login("carol")
        await set_workspace(acme, default_push_policy=PushPolicy.ADMINS_ONLY)
        assert (await acme.check(carol, Action.PUSH)).reason is Reason.ADMINS_ONLY
        with pytest.raises(InputInvalid):
            await set_image(acme, image.id, push_policy=PushPolicy.PIPELINES_ONLY)
        await set_workspace(acme, default_push_policy=PushPolicy.REPOSITORY_WRITE)
        assert (await acme.check(carol, Action.PUSH)).reason is Reason.OK

    async def test_consumers_are_repositories_that_the_admin_may_read(self, acme: Site) -> None:
        """By slug or uuid. Another repository's slug is no oracle; a uuid that nobody knows lets nobody in."""
        image = await acme.image()
        await acme.ingest([repository("vault", project="SECRET")])
        for hidden in ("vault", "nowhere"):
            with pytest.raises(InputInvalid, match="available to you"):
                await set_image(acme, image.id, consumer_repositories=[hidden])
        vault, nobody = uuid_of("repository", "vault"), uuid_of("repository", "nobody")
        changed = await set_image(acme, image.id, consumer_repositories=["hello", str(vault), str(nobody)])
        assert set(changed.consumer_repositories) == {image.repository, vault, nobody}
        assert (await acme.check(pipeline("vault"), Action.PULL)).reason is Reason.OK
        assert (await acme.check(pipeline("ledger"), Action.PULL)).reason is Reason.NO_READ

    async def test_a_relink_leaves_nobody_publishing(self, acme: Site) -> None:
        """Publishers and consumers are the old link's."""
        image = await acme.image()
        await set_image(acme, image.id, publishers=[ANY_PIPELINE], consumer_repositories=["hello"])
        request = wire.RelinkImageRequest(identity=await acme.login("ada"), id=image.id, repository="ledger")
        moved = await acme.authority.relink_image(request)
        assert (moved.publishers, moved.consumer_repositories) == ([], [])
        assert (await acme.check(pipeline("ledger"), Action.PUSH)).reason is Reason.ENVIRONMENT_NOT_PUBLISHER

    async def test_a_pipeline_creates_what_it_may_publish(self, acme: Site) -> None:
        """With `pipeline_create`, linked to its own repository whatever the name; then it is an ordinary publisher."""
        main, dev = pipeline("hello", branch="main"), pipeline("hello", branch="dev")
        await set_workspace(acme, default_publishers=[PublisherBody(any_pipeline=True, branches=("main",))])
        assert (await acme.push(main, "tools/cli")).reason is Reason.RECORD_MISSING
        await set_workspace(acme, pipeline_create=True)
        assert (await acme.push(dev, "tools/cli")).reason is Reason.RECORD_MISSING
        made = await acme.push(main, "tools/cli")
        assert (made.reason, made.image and made.image.repository) == (Reason.OK, uuid_of("repository", "hello"))
        assert (await acme.check(main, Action.PUSH, "tools/cli")).reason is Reason.OK
        assert (await acme.check(dev, Action.PUSH, "tools/cli")).reason is Reason.BRANCH_NOT_ALLOWED

    async def test_a_new_image_begins_with_the_publishers_that_fit(self, acme: Site) -> None:
        """Environments of other repositories are left out."""
        await acme.ingest([environment("production", "hello"), environment("books", "ledger")])
        await set_workspace(acme, default_publishers=[publisher("production"), publisher("books"), ANY_PIPELINE])
        assert (await acme.image()).publishers == [publisher("production"), ANY_PIPELINE]

    async def test_default_publishers_are_environments_of_the_workspace(self, acme: Site) -> None:
        """An unknown one is refused, and only owners set them."""
        with pytest.raises(InputInvalid):
            await set_workspace(acme, default_publishers=[publisher("nowhere")])
        with pytest.raises(Forbidden):
            await acme.set_workspace(
                wire.SetWorkspaceRequest(identity=await acme.login("bob"), workspace="acme", pipeline_create=True)
            )

    async def test_nothing_is_made_in_vain(self, acme: Site) -> None:
        """Where only pipelines push, an admin's first push makes no record."""
        await set_workspace(acme, default_push_policy=PushPolicy.PIPELINES_ONLY)
        refused = await acme.push(await acme.login("bob"))
        assert (refused.reason, refused.image) == (Reason.PIPELINES_ONLY, None)
