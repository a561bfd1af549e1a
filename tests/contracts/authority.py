"""What every authority promises: the one in process, over memory or PostgreSQL, and the one behind HTTP."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import uuid4

import pytest

from moorage.access import wire
from moorage.access.action import Action
from moorage.access.image import ImageState, PushPolicy, Visibility
from moorage.access.principal import ANONYMOUS, Identity, Principal, PrincipalKind, Scope
from moorage.access.problems import AlreadyExists, CredentialUnknown, Forbidden, InputInvalid, NotFound, Problem
from moorage.access.reason import Reason
from moorage.access.secrets import SecretKind, mint_secret
from moorage.gateway.ports import Authority
from permissions.sample_facts import (
    grant,
    group,
    group_member,
    member,
    repository,
    small_workspace,
    user,
    uuid_of,
    workspace,
)

ALL = wire.IdentityBody.of(Identity(ANONYMOUS))


@dataclass(frozen=True)
class Site:
    """An authority, a way to write facts by hand, and the operator's secret."""

    authority: Authority
    ingest: Callable[[Sequence[bytes]], Awaitable[object]]
    set_workspace: Callable[[wire.SetWorkspaceRequest], Awaitable[object]]
    operator_secret: str

    async def operator(self) -> wire.IdentityBody:
        """The operator, logged in."""
        return (await self.authority.authenticate(wire.AuthenticateRequest(secret=self.operator_secret))).identity

    async def token(self, account: str, scopes: frozenset[Scope] = frozenset(Scope)) -> wire.CreateTokenAnswer:
        """A token that the operator mints for a user."""
        spec = wire.TokenSpec(name="laptop", scopes=scopes)
        request = wire.CreateTokenRequest(identity=await self.operator(), user=account, spec=spec)
        return await self.authority.create_token(request)

    async def login(self, account: str, scopes: frozenset[Scope] = frozenset(Scope)) -> wire.IdentityBody:
        """A user with a fresh token."""
        secret = (await self.token(account, scopes)).secret
        return (await self.authority.authenticate(wire.AuthenticateRequest(secret=secret))).identity

    async def check(self, who: wire.IdentityBody, action: Action, image: str = "hello/api") -> wire.CheckAnswer:
        """The decision on an image of acme."""
        return await self.authority.check(wire.CheckRequest(identity=who, workspace="acme", image=image, action=action))

    async def push(self, who: wire.IdentityBody, image: str = "hello/api") -> wire.CheckAnswer:
        """A first push to an image of acme."""
        return await self.authority.first_push(wire.FirstPushRequest(identity=who, workspace="acme", image=image))

    async def image(self, account: str = "bob", name: str = "hello/api") -> wire.ImageBody:
        """An image that this user's first push has made."""
        answer = await self.push(await self.login(account), name)
        assert answer.image is not None
        return answer.image


class AuthorityContract:
    """Mix in and give `site` an empty one; `small_workspace` is ingested here."""

    @pytest.fixture
    async def site(self) -> Site:
        """An authority without any fact, bootstrapped."""
        raise NotImplementedError

    @pytest.fixture
    async def acme(self, site: Site) -> Site:
        """The authority with the small workspace."""
        await site.ingest(small_workspace())
        return site

    async def test_a_token_says_whose_it_is(self, acme: Site) -> None:
        """Authentication answers the user, the credential and the account."""
        minted = await acme.token("bob", frozenset({Scope.READ}))
        answer = await acme.authority.authenticate(wire.AuthenticateRequest(secret=minted.secret))
        assert answer.account == "bob"
        assert answer.identity.kind is PrincipalKind.USER
        assert answer.identity.id == uuid_of("user", "bob")
        assert answer.identity.credential == minted.token.id
        assert answer.identity.scopes == {Scope.READ}
        assert answer.identity.expires == minted.token.expires

    async def test_bad_secrets_look_alike(self, acme: Site) -> None:
        """Unknown, malformed, revoked, and of a disabled user: the same refusal in the same words."""
        revoked, disabled = await acme.token("bob"), await acme.token("rita")
        await acme.authority.revoke_token(
            wire.RevokeTokenRequest(identity=await acme.operator(), token=revoked.token.id)
        )
        await acme.ingest([user("rita", active=False)])
        told = set()
        for secret in (mint_secret(SecretKind.PERSONAL), "hunter2", "", revoked.secret, disabled.secret):
            with pytest.raises(CredentialUnknown) as refused:
                await acme.authority.authenticate(wire.AuthenticateRequest(secret=secret))
            told.add(str(refused.value.body()))
        assert len(told) == 1

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
        assert (await acme.push(ALL)).reason is Reason.UNAUTHENTICATED

    async def test_a_check_creates_nothing(self, acme: Site) -> None:
        """Whoever may create an image does it by a first push."""
        answer = await acme.check(await acme.login("bob"), Action.PUSH)
        assert (answer.reason, answer.image) == (Reason.RECORD_MISSING, None)

    @pytest.mark.parametrize("action", list(Action))
    async def test_hidden_and_missing_look_alike(self, acme: Site, action: Action) -> None:
        """V3: for somebody without pull, an image that exists answers like one that doesn't."""
        await acme.image()
        for who in (await acme.login("mia"), await acme.login("olga"), ALL):
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
        assert (await acme.check(ALL, Action.PULL)).reason is Reason.UNAUTHENTICATED
        assert (await acme.check(await acme.login("mia"), Action.PULL)).reason is Reason.OK
        await acme.set_workspace(wire.SetWorkspaceRequest(identity=ada, workspace="acme", allow_public=True))
        assert (await acme.check(ALL, Action.PULL)).reason is Reason.OK
        assert (await acme.check(ALL, Action.PUSH)).reason is Reason.UNAUTHENTICATED

    async def test_only_owners_and_the_operator_change_a_workspace(self, acme: Site) -> None:
        """An admin of a repository does not."""
        with pytest.raises(Forbidden):
            await acme.set_workspace(
                wire.SetWorkspaceRequest(identity=await acme.login("bob"), workspace="acme", allow_public=True)
            )
        await acme.set_workspace(
            wire.SetWorkspaceRequest(identity=await acme.operator(), workspace="acme", allow_public=True)
        )

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

    async def test_a_users_token_mints_no_more_than_itself(self, acme: Site) -> None:
        """Neither scopes nor time grow; somebody else's token is not to be had."""
        reader = await acme.login("bob", frozenset({Scope.READ}))
        spec = wire.TokenSpec(name="wider", days=3650)
        minted = await acme.authority.create_token(wire.CreateTokenRequest(identity=reader, spec=spec))
        assert minted.token.scopes == {Scope.READ}
        assert minted.token.expires == reader.expires
        with pytest.raises(Forbidden):
            await acme.authority.create_token(wire.CreateTokenRequest(identity=reader, user="ada", spec=spec))
        with pytest.raises(Forbidden):
            await acme.authority.create_token(wire.CreateTokenRequest(identity=ALL, spec=spec))

    async def test_the_operator_mints_for_known_users_only(self, acme: Site) -> None:
        """By account or uuid."""
        operator = await acme.operator()
        spec = wire.TokenSpec(name="first", days=None)
        for wanted in ("bob", str(uuid_of("user", "bob"))):
            request = wire.CreateTokenRequest(identity=operator, user=wanted, spec=spec)
            assert (await acme.authority.create_token(request)).token.account == "bob"
        with pytest.raises(NotFound):
            await acme.authority.create_token(wire.CreateTokenRequest(identity=operator, user="nobody", spec=spec))

    async def test_a_service_that_only_says_it_is_the_operator_is_not(self, acme: Site) -> None:
        """The credential decides."""
        pretender = wire.IdentityBody.of(Identity(Principal(PrincipalKind.SERVICE, uuid4()), uuid4()))
        with pytest.raises(Forbidden):
            await acme.authority.create_token(
                wire.CreateTokenRequest(identity=pretender, user="bob", spec=wire.TokenSpec(name="x"))
            )

    async def test_the_operator_has_no_right_on_images(self, acme: Site) -> None:
        """Running a site is not owning its images."""
        await acme.image()
        assert not (await acme.check(await acme.operator(), Action.PULL)).readable

    async def test_tokens_are_listed_and_revoked_by_their_owner(self, acme: Site) -> None:
        """Newest first; a revoked one is at its end at once, and for others it never was there."""
        bob = await acme.login("bob")
        other = await acme.token("bob")
        listed = await acme.authority.list_tokens(wire.ListTokensRequest(identity=bob))
        assert [token.id for token in listed.tokens] == [other.token.id, bob.credential]
        with pytest.raises(NotFound):
            await acme.authority.revoke_token(
                wire.RevokeTokenRequest(identity=await acme.login("carol"), token=other.token.id)
            )
        for _ in range(2):
            await acme.authority.revoke_token(wire.RevokeTokenRequest(identity=bob, token=other.token.id))
        with pytest.raises(CredentialUnknown):
            await acme.authority.authenticate(wire.AuthenticateRequest(secret=other.secret))

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

    async def test_a_transferred_repository_comes_back_without_its_images(self, acme: Site) -> None:
        """An owner relinks them."""
        image = await acme.image()
        ada = await acme.login("ada")
        await acme.ingest([repository("hello", state="transferred")])
        await acme.ingest([repository("hello")])
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

    async def test_explain_shows_the_paths(self, acme: Site) -> None:
        """Strongest first, each with its facts."""
        await acme.image()
        await acme.ingest([grant("repository:hello", "user:carol", "read"), member("carol", "member")])
        request = wire.ExplainRequest(
            identity=await acme.login("carol"), workspace="acme", image="hello/api", action=Action.PUSH
        )
        told = await acme.authority.explain(request)
        assert (told.decision, told.reason, told.effective_role) == ("allow", Reason.OK, "write")
        assert [path.role for path in told.paths] == ["write", "read"]
        group_id, user_id = uuid_of("group", "developers"), uuid_of("user", "carol")
        assert [step.fact for step in told.paths[0].via] == [
            f"gm:{group_id}:{user_id}",
            f"gr:project:{uuid_of('project', 'PAY')}:group:{group_id}",
            f"re:{uuid_of('repository', 'hello')}",
            told.paths[0].via[-1].fact,
        ]
        assert all(each["passed"] for each in told.filters)

    async def test_explain_says_what_would_help(self, acme: Site) -> None:
        """The filter that does not pass, and the next step."""
        image = await acme.image()
        await acme.authority.set_image(
            wire.SetImageRequest(identity=await acme.login("bob"), id=image.id, push_policy=PushPolicy.PIPELINES_ONLY)
        )
        request = wire.ExplainRequest(
            identity=await acme.login("carol"), workspace="acme", image="hello/api", action=Action.PUSH
        )
        told = await acme.authority.explain(request)
        assert (told.decision, told.reason) == ("deny", Reason.PIPELINES_ONLY)
        assert [each["name"] for each in told.filters if not each["passed"]] == ["push_policy"]
        assert told.would_allow

    async def test_explain_about_others_is_for_admins(self, acme: Site) -> None:
        """A reader may not ask about others, a stranger learns nothing, an admin does."""
        await acme.image()

        async def ask(account: str) -> wire.Explanation:
            return await acme.authority.explain(
                wire.ExplainRequest(
                    identity=await acme.login(account),
                    principal="rita",
                    workspace="acme",
                    image="hello/api",
                    action=Action.PULL,
                )
            )

        assert (await ask("bob")).decision == "allow"
        assert (await ask("ada")).effective_role == "read"
        with pytest.raises(Forbidden):
            await ask("carol")
        with pytest.raises(NotFound):
            await ask("olga")

    async def test_explain_to_a_stranger_shows_nothing(self, acme: Site) -> None:
        """The same as for a name without an image."""
        await acme.image()
        olga = await acme.login("olga")
        told = []
        for image in ("hello/api", "hello/none"):
            request = wire.ExplainRequest(identity=olga, workspace="acme", image=image, action=Action.PULL)
            answer = await acme.authority.explain(request)
            told.append((answer.reason, answer.paths, answer.filters, answer.would_allow))
        assert told[0] == told[1]

    async def test_every_answer_carries_its_position(self, acme: Site) -> None:
        """Tokens of an epoch are ordered (R72)."""
        before = (await acme.check(await acme.login("bob"), Action.PULL)).decision().token
        image = await acme.image()
        after = (await acme.check(await acme.login("bob"), Action.PULL)).decision().token
        assert before < after
        assert before.seq < image.acl_seq <= after.seq
