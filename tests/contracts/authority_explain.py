"""Explanations of decisions."""

import json

import pytest

from contracts.authority_site import OverASite, Site
from moorage.access import explain_wire, wire
from moorage.access.action import Action
from moorage.access.image import PushPolicy
from moorage.access.problems import FactsRefused, Forbidden, InputInvalid, NotFound, PositionGone
from moorage.access.publisher_body import RunBody
from moorage.access.reason import Reason
from moorage.permissions.explaining import pictures
from permissions.sample_facts import grant, group, group_member, member, user, uuid_of


class AuthorityThatExplains(OverASite):
    """Explanations of decisions."""

    async def test_explain_shows_the_paths(self, acme: Site) -> None:
        """Strongest first, each with its facts."""
        await acme.image()
        await acme.ingest([grant("repository:hello", "user:carol", "read"), member("carol", "member")])
        request = explain_wire.ExplainRequest(
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
        assert all(each.passed for each in told.filters)
        assert told.principal == f"user:{user_id} (carol)"

    async def test_explain_says_what_would_help(self, acme: Site) -> None:
        """The filter that does not pass, and the next step."""
        image = await acme.image()
        await acme.authority.set_image(
            wire.SetImageRequest(identity=await acme.login("bob"), id=image.id, push_policy=PushPolicy.PIPELINES_ONLY)
        )
        request = explain_wire.ExplainRequest(
            identity=await acme.login("carol"), workspace="acme", image="hello/api", action=Action.PUSH
        )
        told = await acme.authority.explain(request)
        assert (told.decision, told.reason) == ("deny", Reason.PIPELINES_ONLY)
        assert [each.name for each in told.filters if not each.passed] == ["push_policy"]
        assert told.would_allow

    async def test_explain_about_others_is_for_admins(self, acme: Site) -> None:
        """A reader may not ask about others, a stranger learns nothing, an admin does."""
        await acme.image()

        async def ask(account: str) -> explain_wire.Explanation:
            return await acme.authority.explain(
                explain_wire.ExplainRequest(
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
            request = explain_wire.ExplainRequest(identity=olga, workspace="acme", image=image, action=Action.PULL)
            answer = await acme.authority.explain(request)
            told.append((answer.reason, answer.paths, answer.filters, answer.would_allow))
        assert told[0] == told[1]

    async def test_explain_tells_who_set_what_when(self, acme: Site) -> None:
        """Every fact since when it is so, the filter by whom it was set, and what has changed of late, newest first."""
        image = await acme.image()
        bob = await acme.login("bob")
        await acme.authority.set_image(
            wire.SetImageRequest(identity=bob, id=image.id, push_policy=PushPolicy.ADMINS_ONLY)
        )
        told = await ask(acme, "carol", Action.PUSH)
        (policy,) = [each for each in told.filters if each.name == "push_policy"]
        assert policy.change
        assert policy.change.by == f"user:{uuid_of('user', 'bob')}"
        assert policy.change.text == "push_policy set to admins_only"
        assert told.recent_changes[0] == policy.change
        assert {each.text for each in told.recent_changes} > {
            "the image was created",
            "developers has write on project PAY",
            "carol became a member of developers",
        }
        assert all(step.since and step.seq for step in told.paths[0].via)
        assert told.message

    async def test_who_could_help_is_told_to_members(self, acme: Site) -> None:
        """Groups and people that are admins by themselves; a reader who is no member learns no name."""
        await acme.image()
        await acme.ingest(
            [
                group("platform-admins"),
                grant("repository:hello", "group:platform-admins", "admin"),
                grant("repository:hello", "user:olga", "read"),
            ]
        )
        (remedy,) = (await ask(acme, "rita", Action.PUSH)).would_allow
        assert remedy["who"] == ["group:platform-admins", "user:ada", "user:bob"]
        (remedy,) = (await ask(acme, "olga", Action.PUSH)).would_allow
        assert "who" not in remedy

    async def test_explain_goes_back_in_time(self, acme: Site) -> None:
        """The explanation at the position of a decision gives that decision, whatever has happened since."""
        await acme.image()
        before = await acme.check(await acme.login("carol"), Action.PUSH)
        await acme.ingest([group_member("developers", "carol", present=False)])
        now = await ask(acme, "carol", Action.PUSH)
        then = await ask(acme, "carol", Action.PUSH, at=before.token)
        assert (now.decision, now.reason) == ("deny", Reason.NO_WRITE)
        assert (then.decision, then.reason, then.token) == ("allow", Reason.OK, before.token)
        by_time = await ask(acme, "carol", Action.PUSH, at=then.as_of.isoformat())
        assert (by_time.decision, by_time.paths) == ("allow", then.paths)

    @pytest.mark.parametrize("at", ["zt1.9.1", "zt1.1.999999", "2001-01-01T00:00:00Z"])
    async def test_positions_out_of_reach_are_refused(self, acme: Site, at: str) -> None:
        """Another epoch, the future, and what was before history."""
        await acme.image()
        with pytest.raises(PositionGone):
            await ask(acme, "carol", Action.PUSH, at=at)

    @pytest.mark.parametrize("at", ["yesterday", "zt1.1", "2026-01-01T00:00:00", "zt1.1.1@noon"])
    async def test_nonsense_is_no_position(self, acme: Site, at: str) -> None:
        """Said so, not guessed."""
        await acme.image()
        with pytest.raises(InputInvalid):
            await ask(acme, "carol", Action.PUSH, at=at)

    async def test_a_pipeline_that_might_run(self, acme: Site) -> None:
        """By the claims it would have; only who may ask about others may ask."""
        await acme.image()
        claims = explain_wire.ClaimsBody(repository="hello", run=RunBody(branch="main"))
        told = await ask(acme, "bob", Action.PUSH, claims=claims)
        assert (told.decision, told.reason) == ("deny", Reason.ENVIRONMENT_NOT_PUBLISHER)
        assert told.principal == f"pipeline:{uuid_of('repository', 'hello')} (hello)"
        assert [each.name for each in told.filters if not each.passed] == ["publishers"]
        assert (await ask(acme, "bob", Action.PULL, claims=claims)).decision == "allow"
        with pytest.raises(Forbidden):
            await ask(acme, "rita", Action.PUSH, claims=claims)

    async def test_who_can(self, acme: Site) -> None:
        """Everybody with a role, by which strongest path, page by page at one position."""
        image = await acme.image()
        await acme.ingest([user("carol", active=False), grant("project:PAY", "user:rita", "write")])
        identity = await acme.login("bob")
        found, cursor = [], None
        while True:
            page = await acme.authority.who_can(
                explain_wire.WhoCanRequest(identity=identity, image=image.id, cursor=cursor, limit=2)
            )
            found += page.holders
            cursor = page.cursor
            if not cursor:
                break
            # What comes later does not belong to the list that was begun.
            await acme.ingest([grant("repository:hello", "user:olga", "admin")])
        assert {each.account: (each.role, each.active) for each in found} == {
            "ada": ("admin", True),
            "bob": ("admin", True),
            "carol": ("write", False),
            "rita": ("write", True),
        }
        by_account = {each.account: each.paths for each in found}
        assert by_account["carol"][0].via[0].text == "member of developers"
        assert [path.role for path in by_account["rita"]] == ["write"]
        admins = await acme.authority.who_can(
            explain_wire.WhoCanRequest(identity=identity, image=image.id, role="admin")
        )
        assert {each.account for each in admins.holders} == {"ada", "bob", "olga"}
        assert page.beside == ["pipelines of hello"]

    async def test_who_can_is_told_to_admins(self, acme: Site) -> None:
        """A reader is refused, a stranger learns nothing."""
        image = await acme.image()
        for account, refusal in (("carol", Forbidden), ("olga", NotFound)):
            with pytest.raises(refusal):
                await acme.authority.who_can(
                    explain_wire.WhoCanRequest(identity=await acme.login(account), image=image.id)
                )
        with pytest.raises(NotFound):
            await acme.authority.who_can(
                explain_wire.WhoCanRequest(identity=await acme.login("bob"), image=uuid_of("image", "none"))
            )

    async def test_what_can(self, acme: Site) -> None:
        """Oneself sees all, an owner all, an admin what they administer, a stranger nothing."""
        for name in ("hello/api", "hello/web"):
            await acme.image("bob", name)
        await acme.image("ada", "ledger/core")

        async def held(asking: str, of: str, role: str = "read") -> list[tuple[str, str]]:
            found, cursor = [], None
            while True:
                request = explain_wire.WhatCanRequest.model_validate(
                    {
                        "identity": await acme.login(asking),
                        "user": of,
                        "workspace": "acme",
                        "role": role,
                        "cursor": cursor,
                        "limit": 1,
                    }
                )
                page = await acme.authority.what_can(request)
                found += [(each.name, each.role) for each in page.images]
                cursor = page.cursor
                if not cursor:
                    return found

        everything = [("acme/hello/api", "write"), ("acme/hello/web", "write"), ("acme/ledger/core", "write")]
        assert await held("carol", "carol") == everything
        assert await held("ada", "carol") == everything
        assert await held("bob", "carol") == everything[:2]
        assert await held("rita", "carol") == []
        assert await held("rita", "rita", "write") == []

    async def test_differences_of_an_image(self, acme: Site) -> None:
        """Who gained, who lost, and by which changes."""
        image = await acme.image()
        bob = await acme.login("bob")
        since = (await acme.check(bob, Action.PULL)).token
        await acme.ingest(
            [
                group_member("developers", "carol", present=False),
                grant("repository:hello", "user:mia", "write"),
                user("rita", active=False),
            ]
        )
        request = explain_wire.ImageDiffRequest(identity=bob, image=image.id, since=since)
        found = await acme.authority.image_diff(request)
        assert {each.principal.split("(")[1]: (each.before, each.after) for each in found.differences} == {
            "carol)": ("write", "none"),
            "mia)": ("none", "write"),
            "rita)": ("read", "none"),
        }
        reasons = {each.principal.split("(")[1]: [change.text for change in each.by] for each in found.differences}
        assert reasons == {
            "carol)": ["carol left developers"],
            "mia)": ["mia has write on repository hello"],
            "rita)": ["rita was deactivated"],
        }
        one = await acme.authority.image_diff(request.model_copy(update={"limit": 1}))
        rest = await acme.authority.image_diff(request.model_copy(update={"cursor": one.cursor, "until": one.token}))
        assert one.differences + rest.differences == found.differences

    async def test_differences_of_a_user(self, acme: Site) -> None:
        """Image by image."""
        await acme.image()
        ada = await acme.login("ada")
        since = (await acme.check(ada, Action.PULL)).token
        await acme.ingest([grant("project:PAY", "group:developers", "none")])
        request = explain_wire.UserDiffRequest(identity=ada, user="carol", workspace="acme", since=since)
        (found,) = (await acme.authority.user_diff(request)).differences
        assert (found.image, found.before, found.after) == ("acme/hello/api", "write", "none")
        assert [each.text for each in found.by] == ["developers no longer has a grant on project PAY"]

    async def test_a_preview_changes_nothing(self, acme: Site) -> None:
        """Facts and changes of ours are tried as they would be made, and nothing of them is left."""
        image = await acme.image()
        ada = await acme.login("ada")
        before = await acme.check(ada, Action.PULL)
        leaving = json.loads(group_member("developers", "carol", present=False))
        request = explain_wire.PreviewRequest(
            identity=ada,
            workspace="acme",
            changes=[
                explain_wire.Try(fact=leaving),
                explain_wire.Try(image="hello/api", set={"visibility": "workspace"}),
            ],
        )
        told = await acme.authority.preview(request)
        effects = {each.principal.split("(")[-1]: each for each in told.effects}
        carol, everyone = effects["carol)"], effects["every member of acme"]
        assert (carol.role_before, carol.role_after) == ("write", "none")
        assert Action.PUSH in carol.before
        assert carol.after == [Action.PULL]
        assert (everyone.before, everyone.after) == ([], [Action.PULL])
        assert "mia)" not in effects
        assert (await acme.check(ada, Action.PULL)).token == before.token
        assert (await acme.check(await acme.login("mia"), Action.PULL)).reason is Reason.NO_READ
        found = await acme.authority.find_image(wire.FindImageRequest(identity=ada, id=image.id))
        assert found.visibility == "inherit"

    async def test_a_preview_refuses_what_would_be_refused(self, acme: Site) -> None:
        """By the same code, with the place in the list; and only who administers something tries things."""
        await acme.image()
        for account, changes, refusal in (
            ("ada", [explain_wire.Try(fact={"type": "nonsense"})], FactsRefused),
            ("ada", [explain_wire.Try(image="hello/none", set={"visibility": "public"})], NotFound),
            ("ada", [explain_wire.Try(image="hello/api", set={"visibility": "secret"})], InputInvalid),
            ("ada", [explain_wire.Try(image="hello/api", repository="nowhere")], NotFound),
            ("carol", [explain_wire.Try(fact=json.loads(user("rita", active=False)))], Forbidden),
        ):
            with pytest.raises(refusal):
                await acme.authority.preview(
                    explain_wire.PreviewRequest(identity=await acme.login(account), workspace="acme", changes=changes)
                )

    async def test_a_preview_tells_admins_of_what_they_administer(self, acme: Site) -> None:
        """Not of images elsewhere in the workspace."""
        await acme.image()
        await acme.image("ada", "ledger/core")
        leaving = json.loads(group_member("developers", "carol", present=False))
        request = explain_wire.PreviewRequest(
            identity=await acme.login("ada"), workspace="acme", changes=[explain_wire.Try(fact=leaving)]
        )
        told = await acme.authority.preview(request)
        assert {each.image for each in told.effects} == {"acme/hello/api", "acme/ledger/core"}
        told = await acme.authority.preview(request.model_copy(update={"identity": await acme.login("bob")}))
        assert {each.image for each in told.effects} == {"acme/hello/api"}

    async def test_a_preview_of_a_new_home_shows_who_loses_by_it(self, acme: Site) -> None:
        """Also those who have no role on the repository that the image would be linked to."""
        await acme.image()
        await acme.ingest([grant("repository:hello", "user:mia", "write")])
        moving = explain_wire.Try(image="hello/api", repository="ledger")
        request = explain_wire.PreviewRequest(identity=await acme.login("ada"), workspace="acme", changes=[moving])
        told = await acme.authority.preview(request)
        effects = {each.principal.split("(")[-1]: each for each in told.effects}
        assert (effects["mia)"].role_before, effects["mia)"].role_after) == ("write", "none")

    async def test_a_preview_looks_at_what_is_touched(self, acme: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        """However many images there are beside; what touches too many is refused."""
        await acme.image()
        await acme.image("ada", "ledger/core")
        monkeypatch.setattr(pictures, "MOST_IMAGES", 1)
        given = json.loads(grant("repository:hello", "user:mia", "write"))
        request = explain_wire.PreviewRequest(
            identity=await acme.login("ada"), workspace="acme", changes=[explain_wire.Try(fact=given)]
        )
        told = await acme.authority.preview(request)
        assert [(each.image, each.role_after) for each in told.effects] == [("acme/hello/api", "write")]
        leaving = explain_wire.Try(fact=json.loads(group_member("developers", "carol", present=False)))
        with pytest.raises(InputInvalid):
            await acme.authority.preview(request.model_copy(update={"changes": [leaving]}))

    async def test_offboarding(self, acme: Site) -> None:
        """Since which change the user is refused; owners may ask, others may not."""
        await acme.ingest([user("carol", active=False)])
        ada = await acme.login("ada")
        request = explain_wire.OffboardingRequest(identity=ada, user="carol", workspace="acme")
        told = await acme.authority.offboarding(request)
        assert (told.active, told.everywhere) == (False, True)
        assert told.deactivated
        assert told.deactivated.text == "carol was deactivated"
        operator = explain_wire.OffboardingRequest(identity=await acme.operator(), user="bob")
        assert not (await acme.authority.offboarding(operator)).everywhere
        with pytest.raises(NotFound):
            await acme.authority.offboarding(request.model_copy(update={"identity": await acme.login("bob")}))


async def ask(
    site: Site,
    account: str,
    action: Action,
    *,
    at: str | None = None,
    claims: explain_wire.ClaimsBody | None = None,
) -> explain_wire.Explanation:
    """The explanation that the account gets of its own decision on hello/api, or of that of these claims."""
    return await site.authority.explain(
        explain_wire.ExplainRequest(
            identity=await site.login(account),
            claims=claims,
            workspace="acme",
            image="hello/api",
            action=action,
            at=at,
        )
    )
