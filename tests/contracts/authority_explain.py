"""Explanations of decisions."""

import pytest

from contracts.authority_site import OverASite, Site
from moorage.access import wire
from moorage.access.action import Action
from moorage.access.image import PushPolicy
from moorage.access.problems import Forbidden, NotFound
from moorage.access.reason import Reason
from permissions.sample_facts import (
    grant,
    member,
    uuid_of,
)


class AuthorityThatExplains(OverASite):
    """Explanations of decisions."""

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
        assert told.principal == f"user:{user_id} (carol)"

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
