"""What becomes of rights when repositories, workspaces, users and credentials come and go."""

import pytest

from contracts.authority_site import OverASite, Site
from moorage.access import wire
from moorage.access.action import Action
from moorage.access.image import ImageState
from moorage.access.reason import Reason
from permissions.sample_facts import (
    repository,
    user,
    workspace,
)


class AuthorityThroughLife(OverASite):
    """What becomes of rights when repositories, workspaces, users and credentials come and go."""

    async def test_a_revoked_credential_decides_nothing_more(self, acme: Site) -> None:
        """Also for an identity that was established before."""
        await acme.image()
        bob = await acme.login("bob")
        assert bob.credential is not None
        await acme.authority.revoke_token(wire.RevokeTokenRequest(identity=bob, token=bob.credential))
        assert (await acme.check(bob, Action.PULL)).reason is Reason.CREDENTIAL_REVOKED

    async def test_a_deactivated_user_is_out(self, acme: Site) -> None:
        """Deactivation overrides every grant (R77)."""
        await acme.image()
        bob = await acme.login("bob")
        await acme.ingest([user("bob", active=False)])
        assert (await acme.check(bob, Action.PULL)).reason is Reason.PRINCIPAL_INACTIVE

    async def test_deleting_a_repository_detaches_its_images(self, acme: Site) -> None:
        """Readers pull for a while, nobody pushes, owners manage; undeleting brings everything back (§1.9)."""
        image = await acme.image()
        bob, ada = await acme.login("bob"), await acme.login("ada")
        await acme.ingest([repository("hello", state="deleted")])
        found = await acme.authority.find_image(wire.FindImageRequest(identity=ada, id=image.id))
        assert found.state is ImageState.DETACHED
        assert (await acme.check(bob, Action.PULL)).reason is Reason.OK
        assert (await acme.check(bob, Action.PUSH)).reason is Reason.DETACHED
        assert (await acme.check(ada, Action.MANAGE)).reason is Reason.OK
        await acme.ingest([repository("hello")])
        assert (await acme.check(bob, Action.PUSH)).reason is Reason.OK

    @pytest.mark.parametrize("together", [False, True], ids=["told one by one", "told in one batch"])
    async def test_a_transferred_repository_comes_back_without_its_images(self, acme: Site, together: bool) -> None:
        """An owner relinks them. What a repository went through counts, however it is told."""
        image = await acme.image()
        ada = await acme.login("ada")
        facts = [repository("hello", state="transferred"), repository("hello")]
        for batch in [facts] if together else [[each] for each in facts]:
            await acme.ingest(batch)
        found = await acme.authority.find_image(wire.FindImageRequest(identity=ada, id=image.id))
        assert found.state is ImageState.DETACHED
        back = await acme.authority.relink_image(wire.RelinkImageRequest(identity=ada, id=image.id, repository="hello"))
        assert (back.state, back.link_gen) == (ImageState.ACTIVE, 2)

    async def test_an_archived_repository_takes_no_pushes(self, acme: Site) -> None:
        """Pulls go on."""
        await acme.image()
        bob = await acme.login("bob")
        await acme.ingest([repository("hello", state="archived")])
        assert (await acme.check(bob, Action.PUSH)).reason is Reason.REPOSITORY_ARCHIVED
        assert (await acme.check(bob, Action.PULL)).reason is Reason.OK

    async def test_a_suspended_workspace_gives_nothing_out(self, acme: Site) -> None:
        """Whoever had pull is told so."""
        await acme.image()
        bob = await acme.login("bob")
        await acme.ingest([workspace(state="suspended")])
        assert (await acme.check(bob, Action.PULL)).reason is Reason.SUSPENDED

    async def test_renaming_changes_no_right(self, acme: Site) -> None:
        """Everything is keyed by uuid; the image keeps its name."""
        image = await acme.image()
        bob = await acme.login("bob")
        await acme.ingest([repository("hello", slug="bonjour")])
        answer = await acme.check(bob, Action.PUSH)
        assert answer.image is not None
        assert (answer.reason, answer.image.id, answer.image.repository_slug) == (Reason.OK, image.id, "bonjour")
