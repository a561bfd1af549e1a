"""Verdicts are kept by what the rules look at, and nothing less: what looks alike is judged alike (decision 0002)."""

from datetime import UTC, datetime, timedelta
from itertools import combinations, product
from random import Random
from uuid import UUID

from moorage.access import rules
from moorage.access.action import Action
from moorage.access.image import ImageRecord, ImageState, NodeState, PublishingDefaults, PushPolicy, Visibility
from moorage.access.principal import Identity, Principal, PrincipalKind, Scope
from moorage.access.publishers import Publisher
from moorage.access.rules import Standing
from moorage.gateway.replica.facts import Workspace
from moorage.gateway.replica.likeness import TIMED, Case, Judged, judged_of, of_image, of_workspace
from moorage.gateway.replica.reach import MEANING, ROLE, STANDING

QUESTIONS = 20_000
NOW = datetime(2026, 11, 30, tzinfo=UTC)
IDS = (UUID(int=1), UUID(int=2), "api", UUID(int=3))
SCOPES = [frozenset(some) for size in range(3) for some in combinations(Scope, size)]


def test_a_persons_questions_that_look_alike_are_judged_alike() -> None:
    """Whatever else differs between the images, the people and their workspaces."""
    chance, judged = Random(7), dict[Case, Judged]()
    for _ in range(QUESTIONS):
        action, image, workspace = chance.choice(list(Action)), record(chance), home(chance)
        who = Identity(Principal(PrincipalKind.USER, someone(chance)), someone(chance), chance.choice(SCOPES))
        state, told = chance.choice(list(NodeState)), chance.choice(ROLE) | chance.choice(STANDING)
        settings = (workspace.state, workspace.allow_public)
        standing = Standing(*MEANING[told], state, *settings, publishing=workspace.publishing)
        found = judged_of(rules.decide(action, who, standing, image, NOW))
        place = tuple(NodeState).index(state)
        case = (who.scopes, action.place, of_image(image), workspace.likeness, place, told)
        if case[2] != TIMED:
            assert judged.setdefault(case, found) == found, (action, who, standing, image)


def test_whatever_the_rules_look_at_makes_a_difference() -> None:
    """Each combination of settings has a number of its own, and what time decides has none."""
    settings = list(product(ImageState, Visibility, PushPolicy, (False, True)))
    images = {each: of_image(ImageRecord(*IDS, *split(*each))) for each in settings}  # type: ignore[arg-type]  # in order
    timed = [each for each in settings if each[0] is ImageState.DETACHED]
    assert {images[each] for each in timed} == {TIMED}
    assert len(set(images.values())) == len(settings) - len(timed) + 1
    places = product(NodeState, (False, True), PushPolicy)
    assert len({of_workspace(state, public, PublishingDefaults(policy)) for state, public, policy in places}) == 30


def split(state: ImageState, visibility: Visibility, policy: PushPolicy, override: bool) -> tuple[object, ...]:
    """As a record has them, up to `admin_override`."""
    return (visibility, policy, state, 1, 1, None, None, frozenset(), override)


def record(chance: Random) -> ImageRecord:
    """Any image."""
    grace = chance.choice([None, NOW - timedelta(1), NOW + timedelta(1)])
    visibility, policy, state = (chance.choice(list(each)) for each in (Visibility, PushPolicy, ImageState))
    consumers, publishers = frozenset({someone(chance)}), (Publisher(someone(chance)),)
    name, override = chance.choice(["api", "web"]), chance.random() < 0.5
    who, numbers = (someone(chance), someone(chance), name, someone(chance)), (chance.randrange(9), chance.randrange(9))
    return ImageRecord(*who, visibility, policy, state, *numbers, grace, grace, consumers, override, publishers)  # type: ignore[arg-type]  # chosen above


def home(chance: Random) -> Workspace:
    """Any workspace."""
    publishing = PublishingDefaults(
        chance.choice(list(PushPolicy)), (Publisher(someone(chance)),), chance.random() < 0.5
    )
    state = chance.choice(list(NodeState))
    return Workspace(chance.randrange(9), someone(chance), "acme", state, chance.random() < 0.5, publishing)


def someone(chance: Random) -> UUID:
    """One of a few ids."""
    return UUID(int=chance.randrange(1, 5))
