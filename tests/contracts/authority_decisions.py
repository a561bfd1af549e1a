"""Decisions: roles, visibility, policies, and what may be known."""

import pytest

from contracts.authority_site import ANYBODY, OverASite, Site
from moorage.access import wire
from moorage.access.action import Action
from moorage.access.image import PushPolicy, Visibility
from moorage.access.principal import Scope
from moorage.access.problems import Forbidden, InputInvalid
from moorage.access.reason import Reason
from permissions.sample_facts import (
    grant,
    group,
    group_member,
)


class AuthorityThatDecides(OverASite):
    """Decisions: roles, visibility, policies, and what may be known."""

    async def test_roles_come_by_every_path(self, acme: Site) -> None:
        """Owner, direct grant, group on the project, direct read, membership, nothing."""
        await acme.image()
        found = {}
        for account in ("ada", "bob", "carol", "rita", "mia", "olga"):
            answer = await acme.check(await acme.login(account), Action.PUSH)
            found[account] = (answer.role.word, answer.reason)
        assert found == {
            "ada": ("admin", Reason.OK),
            "bob": ("admin", Reason.OK),
            "carol": ("write", Reason.OK),
            "rita": ("read", Reason.NO_WRITE),
            "mia": ("none", Reason.NO_WRITE),
            "olga": ("none", Reason.NO_WRITE),
        }

    async def test_a_revoked_grant_is_over_at_once(self, acme: Site) -> None:
        """There is nothing between a fact and a decision."""
        await acme.image()
        carol = await acme.login("carol")
        assert (await acme.check(carol, Action.PUSH)).reason is Reason.OK
        await acme.ingest([group_member("developers", "carol", present=False)])
        answer = await acme.check(carol, Action.PULL)
        assert (answer.reason, answer.readable, answer.image) == (Reason.NO_READ, False, None)

    async def test_a_group_that_is_deleted_gives_nothing(self, acme: Site) -> None:
        """One fact ends what all its members had (E2)."""
        await acme.image()
        carol = await acme.login("carol")
        await acme.ingest([group("developers", state="deleted")])
        assert (await acme.check(carol, Action.PULL)).reason is Reason.NO_READ

    async def test_a_group_can_own_a_workspace(self, acme: Site) -> None:
        """Ownership by group is ownership."""
        await acme.image()
        carol = await acme.login("carol")
        await acme.ingest([grant("workspace:acme", "group:developers", "owner")])
        assert (await acme.check(carol, Action.DELETE)).reason is Reason.OK

    @pytest.mark.parametrize("action", list(Action))
    async def test_hidden_and_missing_look_alike(self, acme: Site, action: Action) -> None:
        """V3: for somebody without pull, an image that exists answers like one that doesn't."""
        await acme.image()
        for who in (await acme.login("mia"), await acme.login("olga"), ANYBODY):
            there = await acme.check(who, action, "hello/api")
            absent = await acme.check(who, action, "hello/missing")
            assert (there.reason, there.role, there.readable, there.image) == (
                absent.reason,
                absent.role,
                absent.readable,
                absent.image,
            )

    async def test_an_unknown_workspace_hides_like_an_unknown_image(self, acme: Site) -> None:
        """Nothing is said beyond the reason."""
        request = wire.CheckRequest(
            identity=await acme.login("bob"), workspace="nowhere", image="hello/api", action=Action.PULL
        )
        assert (await acme.authority.check(request)).reason is Reason.NO_READ

    async def test_visibility_widens_pull_only(self, acme: Site) -> None:
        """Workspace members may pull, outsiders may not, and nobody may push by it (V1)."""
        image = await acme.image()
        bob = await acme.login("bob")
        request = wire.SetImageRequest(identity=bob, id=image.id, visibility=Visibility.WORKSPACE)
        changed = await acme.authority.set_image(request)
        assert changed.visibility is Visibility.WORKSPACE
        assert changed.acl_seq > image.acl_seq
        mia, olga = await acme.login("mia"), await acme.login("olga")
        assert (await acme.check(mia, Action.PULL)).reason is Reason.OK
        assert (await acme.check(mia, Action.PUSH)).reason is Reason.NO_WRITE
        assert (await acme.check(olga, Action.PULL)).reason is Reason.NO_READ
        assert (await acme.authority.set_image(request)).acl_seq == changed.acl_seq

    async def test_public_needs_the_workspace_to_allow_it(self, acme: Site) -> None:
        """Off, a public image is one for the workspace (V2)."""
        image = await acme.image()
        bob, ada = await acme.login("bob"), await acme.login("ada")
        await acme.authority.set_image(wire.SetImageRequest(identity=bob, id=image.id, visibility=Visibility.PUBLIC))
        assert (await acme.check(ANYBODY, Action.PULL)).reason is Reason.UNAUTHENTICATED
        assert (await acme.check(await acme.login("mia"), Action.PULL)).reason is Reason.OK
        await acme.set_workspace(wire.SetWorkspaceRequest(identity=ada, workspace="acme", allow_public=True))
        assert (await acme.check(ANYBODY, Action.PULL)).reason is Reason.OK
        assert (await acme.check(ANYBODY, Action.PUSH)).reason is Reason.UNAUTHENTICATED

    async def test_only_owners_and_the_operator_change_a_workspace(self, acme: Site) -> None:
        """An admin of a repository does not."""
        with pytest.raises(Forbidden):
            await acme.set_workspace(
                wire.SetWorkspaceRequest(identity=await acme.login("bob"), workspace="acme", allow_public=True)
            )
        await acme.set_workspace(
            wire.SetWorkspaceRequest(identity=await acme.operator(), workspace="acme", allow_public=True)
        )

    async def test_a_push_policy_narrows(self, acme: Site) -> None:
        """Writers are out, admins are in; a default of the workspace can't be widened."""
        image = await acme.image()
        bob, carol, ada = [await acme.login(each) for each in ("bob", "carol", "ada")]
        narrow = wire.SetImageRequest(identity=bob, id=image.id, push_policy=PushPolicy.ADMINS_ONLY)
        await acme.authority.set_image(narrow)
        assert (await acme.check(carol, Action.PUSH)).reason is Reason.ADMINS_ONLY
        assert (await acme.check(bob, Action.PUSH)).reason is Reason.OK
        default = wire.SetWorkspaceRequest(identity=ada, workspace="acme", default_push_policy=PushPolicy.ADMINS_ONLY)
        await acme.set_workspace(default)
        wide = wire.SetImageRequest(identity=bob, id=image.id, push_policy=PushPolicy.REPOSITORY_WRITE)
        with pytest.raises(InputInvalid):
            await acme.authority.set_image(wide)

    async def test_scopes_and_roles_both_count(self, acme: Site) -> None:
        """A read-only token of an admin reads."""
        await acme.image()
        reader = await acme.login("bob", frozenset({Scope.READ}))
        assert (await acme.check(reader, Action.PULL)).reason is Reason.OK
        assert (await acme.check(reader, Action.PUSH)).reason is Reason.SCOPE

    async def test_every_answer_carries_its_position(self, acme: Site) -> None:
        """Tokens of an epoch are ordered (R72)."""
        before = (await acme.check(await acme.login("bob"), Action.PULL)).decision().token
        image = await acme.image()
        after = (await acme.check(await acme.login("bob"), Action.PULL)).decision().token
        assert before < after
        assert before.seq < image.acl_seq <= after.seq
