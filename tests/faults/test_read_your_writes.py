"""Who has been granted something may use it at once, at any gateway: nobody is refused in between (§3.6, R81)."""

import json

import pytest

from faults.fleet import Fleet, rounds
from faults.revocations import Stage, ground
from moorage.access.consistency import ConsistencyToken
from permissions.sample_facts import grant, member, user

pytestmark = pytest.mark.timeout(600)

ROUNDS = 100
OWNER = "carol"
MINIMUM = "Moorage-Authz-Min-Token"
STAGE = Stage("shop", "acme")
NAME = f"acme/{STAGE.image}"
PATH = f"/v2/{NAME}/tags/list?n=0"


@pytest.fixture
async def fleet(fleet: Fleet) -> Fleet:
    """Three gateways over an image that nobody may pull."""
    await fleet.tell([*ground("acme", OWNER), *STAGE.base()])
    await fleet.image(OWNER, "acme", STAGE.image, STAGE.repository)
    return fleet


async def test_a_grant_counts_for_whoever_shows_its_token_and_for_docker_which_shows_none(fleet: Fleet) -> None:
    """A fact by HTTP, then pulls at once: one user insists on the position, the other just pulls."""
    times = rounds(ROUNDS)
    people = [f"reader-{number}" for number in range(2 * times)]
    await fleet.caught_up(await fleet.tell([user(each) for each in people]))
    bearers = {each: await fleet.bearer(each, NAME) for each in people}
    for careful, plain in zip(people[::2], people[1::2], strict=True):
        token = await fleet.tell([_reads(careful), _reads(plain)])
        for door in fleet.doors:
            shown = await door.ask("GET", PATH, bearers[careful], headers={MINIMUM: str(token)})
            assert (shown.status, (await door.ask("GET", PATH, bearers[plain])).status) == (200, 200)


async def test_a_setting_counts_for_whoever_shows_its_token_and_for_docker_which_shows_none(fleet: Fleet) -> None:
    """Visibility by the management API of one gateway; the pulls follow at the others, and back again."""
    times = rounds(ROUNDS) // 4
    people = [f"member-{number}" for number in range(2 * times)]
    await fleet.caught_up(await fleet.tell([fact for each in people for fact in (user(each), member(each, "member"))]))
    bearers = {each: await fleet.bearer(each, NAME) for each in people}
    owner, first = f"Bearer {(await fleet.secret(OWNER)).secret}", fleet.doors[0]
    found = await first.ask("GET", f"/api/v1/images?name={NAME}", owner)
    image = json.loads(found.body)["images"][0]["id"]
    for careful, plain in zip(people[::2], people[1::2], strict=True):
        token = await _show(fleet, owner, image, "workspace")
        for door in fleet.doors:
            shown = await door.ask("GET", PATH, bearers[careful], headers={MINIMUM: token})
            assert (shown.status, (await door.ask("GET", PATH, bearers[plain])).status) == (200, 200)
        hidden = await _show(fleet, owner, image, "inherit")
        for door in fleet.doors:
            assert (await door.ask("GET", PATH, bearers[careful], headers={MINIMUM: hidden})).status == 404
        await fleet.caught_up(ConsistencyToken.parse(hidden))


async def _show(fleet: Fleet, owner: str, image: str, visibility: str) -> str:
    """The consistency token of the change."""
    path = f"/api/v1/images/{image}/visibility"
    answer = await fleet.doors[0].ask("PUT", path, owner, json={"visibility": visibility})
    assert answer.status == 200, answer
    return answer.headers["Moorage-Authz-Token"]


def _reads(account: str) -> bytes:
    return grant(f"repository:{STAGE.repository}", f"user:{account}", "read", of="acme")
