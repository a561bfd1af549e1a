"""What every ledger answers at once to a question is what its views say one by one, whoever asks for what."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import pytest

from moorage.access import wire
from moorage.access.action import Action
from moorage.access.principal import ANONYMOUS, Identity, Principal, PrincipalKind
from moorage.access.publishers import PipelineRun
from moorage.events.topics import IDENTITY
from moorage.permissions.apply import Apply
from moorage.permissions.batches import Record
from moorage.permissions.cases import Case, Question
from moorage.permissions.check import named_repository, standing_in
from moorage.permissions.history import Position
from moorage.permissions.images import Images
from moorage.permissions.ports import Deciding, Ledger
from moorage.permissions.records import Repository, SourceKind, SourceSpec, Transport
from moorage.permissions.stores import Lane
from moorage.runtime.clock import FixedClock
from permissions.sample_facts import environment, repository, small_workspace, user, uuid_of, workspace

BY_HAND: Final = SourceSpec("by-hand", SourceKind.MANUAL, Transport.HTTP)
STREAM: Final = SourceSpec("stream", SourceKind.CONTINUOUS, Transport.KAFKA, bounds={"push": 60.0})
NOON: Final = datetime(2026, 11, 24, 12, tzinfo=UTC)
LIVE, OVER = uuid_of("environment", "live"), uuid_of("environment", "over")


def person(account: str) -> Identity:
    """A user, without a credential."""
    return Identity(Principal(PrincipalKind.USER, uuid_of("user", account)))


def pipeline(home: str, environment: UUID | None = None) -> Identity:
    """A pipeline of a repository, that deploys to an environment."""
    run = PipelineRun(environment=environment)
    return Identity(Principal(PrincipalKind.PIPELINE, uuid_of("repository", home)), uuid_of("step", home), run=run)


ASKING: Final = {
    "admin": person("bob"),
    "writer by project": person("carol"),
    "owner": person("ada"),
    "outsider": person("olga"),
    "gone": person("gone"),
    "never announced": person("nobody"),
    "unknown credential": replace(person("bob"), credential=uuid_of("credential", "none")),
    "anonymous": Identity(ANONYMOUS),
    "service": Identity(Principal(PrincipalKind.SERVICE, uuid_of("service", "one"))),
    "robot": Identity(Principal(PrincipalKind.ROBOT, uuid_of("robot", "one")), uuid_of("robot", "one")),
    "pipeline": pipeline("hello", LIVE),
    "pipeline after its environment": pipeline("hello", OVER),
    "pipeline of a repository that is over": pipeline("ended"),
    "pipeline from nowhere": pipeline("nowhere"),
}
NAMES: Final = ("hello/api", "hello/other", "ledger/x", "twin/x", "ended/x", "nowhere/x", "no\0thing", "hello")


class CasesContract:
    """Mix in and give `ledger` an empty one."""

    @pytest.fixture
    async def ledger(self) -> Ledger:
        """A ledger at its beginning."""
        raise NotImplementedError

    @pytest.fixture
    async def filled(self, ledger: Ledger) -> Ledger:
        """With one image, a name that two repositories have, and environments."""
        async with ledger.changing() as change:
            by_hand = await change.sources.declare(BY_HAND, None)
        facts = [
            *small_workspace(),
            repository("twin"),
            repository("other twin", slug="twin"),
            repository("ended", state="deleted"),
            environment("live", "hello"),
            environment("over", "hello", state="deleted"),
            user("gone", active=False),
        ]
        told = await Apply(ledger, FixedClock()).over_http(
            by_hand, [Record(n, each) for n, each in enumerate(facts, 1)]
        )
        assert not told.refused, told.refused
        push = wire.FirstPushRequest(identity=wire.IdentityBody.of(person("bob")), workspace="acme", image="hello/api")
        assert (await Images(ledger, FixedClock()).first_push(push)).image
        async with ledger.changing() as change:
            stream = await change.sources.declare(STREAM, None)
            await change.sources.heard({Lane(stream.id, IDENTITY.name, 3): NOON})
        return ledger

    @pytest.mark.parametrize("who", ASKING)
    async def test_a_case_is_what_a_view_says(self, filled: Ledger, who: str) -> None:
        """At head, in a view, and in a look at a position."""
        for name in NAMES:
            for action in Action:
                question = Question(ASKING[who], "acme", name, action)
                seen = await filled.case(question)
                async with filled.viewing() as view:
                    assert (seen.token, seen.case) == (view.token, await said(view, question))
                    assert await view.cases.of(question) == seen.case
                    assert seen.freshness == await view.freshness.of(seen.case.workspace)
                async with filled.looking(Position()) as looking:
                    assert await looking.cases.of(question) == seen.case

    async def test_many_at_once_are_answered_each_for_itself(self, filled: Ledger) -> None:
        """Whoever asks beside them, also for what nobody knows."""
        questions = [
            Question(who, slug, name, action)
            for slug in ("acme", "nowhere")
            for who in ASKING.values()
            for name in NAMES
            for action in Action
        ]
        alone = [await filled.case(each) for each in questions]
        assert await asyncio.gather(*map(filled.case, questions)) == alone

    async def test_who_stops_waiting_takes_nothing_from_the_others(self, filled: Ledger) -> None:
        """The first ones, which may be asked already, and some behind them."""
        question = Question(person("bob"), "acme", "hello/api", Action.PULL)
        asking = [asyncio.ensure_future(filled.case(question)) for _ in range(100)]
        await asyncio.sleep(0)
        gone, kept = [*asking[:3], *asking[50:60]], [*asking[3:50], *asking[60:]]
        for each in gone:
            each.cancel()
        expected = await filled.case(question)
        assert await asyncio.gather(*kept) == [expected] * len(kept)

    @pytest.mark.parametrize("who", ASKING)
    @pytest.mark.parametrize("slug", ["nowhere", "no\0where", ""])
    async def test_of_an_unknown_workspace_only_who_asks_is_known(self, filled: Ledger, who: str, slug: str) -> None:
        """And how fresh that is."""
        question = Question(ASKING[who], slug, "hello/api", Action.PUSH)
        seen = await filled.case(question)
        assert (seen.case.workspace, seen.case.image, seen.case.named) == (None, None, None)
        async with filled.viewing() as view:
            identity = question.identity
            assert seen.case.facts == await view.standings.of(identity.principal, identity.credential, 0, ())
            assert seen.freshness == await view.freshness.of(None)

    async def test_of_two_workspaces_of_a_name_the_one_that_is_not_deleted_is_meant(self, filled: Ledger) -> None:
        """Whichever was first."""
        async with filled.changing() as change:
            by_hand = await change.sources.named(BY_HAND.name)
        assert by_hand
        facts = [workspace("acme", state="deleted"), workspace("acme", of="another")]
        await Apply(filled, FixedClock()).over_http(by_hand, [Record(n, each) for n, each in enumerate(facts, 1)])
        seen = await filled.case(Question(person("bob"), "acme", "hello/api", Action.PULL))
        assert seen.case.workspace
        assert seen.case.workspace.id == uuid_of("workspace", "another")
        assert seen.case.image is None


async def said(view: Deciding, question: Question) -> Case:
    """The same, asked for one by one."""
    identity, home = question.identity, await view.hierarchy.workspace(question.workspace)
    assert home
    image = await view.images.named(home.alias, question.image)
    named: Repository | None = None
    if question.action is Action.PUSH:
        named = await named_repository(view, identity, home, question.image)
    linked = [each for each in (image.repository if image else None, named) if each]
    return Case(home, image, named, await standing_in(view, identity, home, linked))
