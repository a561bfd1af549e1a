"""A right of any kind is taken away while its holder is in the middle of something (R74, R77, R78, §5 pitfall 22)."""

from dataclasses import dataclass

import pytest

from faults.fleet import Fleet, rounds
from faults.revocations import KINDS, Kind, Stage, credential_revoked, ground
from moorage.access.consistency import ConsistencyToken
from moorage.oci.digest import Digest

pytestmark = pytest.mark.timeout(600)

ROUNDS = 2
OWNER = "carol"
BYTES = b"some bytes"
REFUSED = {401, 403, 404}


@pytest.fixture
async def fleet(fleet: Fleet) -> Fleet:
    """Three gateways over a workspace with an owner."""
    await fleet.tell(ground("acme", OWNER))
    return fleet


@dataclass
class Work:
    """Somebody's bearer token, and an upload begun with it at one gateway."""

    fleet: Fleet
    name: str
    auth: str
    session: str

    async def pulls(self) -> set[int]:
        """What the gateways answer to a pull."""
        path = f"/v2/{self.name}/tags/list?n=0"
        return {(await door.ask("GET", path, self.auth)).status for door in self.fleet.doors}

    async def goes_on(self) -> set[int]:
        """What the gateways answer to more bytes, to the question how far it is, and to the end of the upload."""
        end = f"{self.session}{'&' if '?' in self.session else '?'}digest={Digest.of(BYTES)}"
        statuses = set[int]()
        for door in self.fleet.doors:
            statuses.add((await door.ask("PATCH", self.session, self.auth, data=BYTES)).status)
            statuses.add((await door.ask("GET", self.session, self.auth)).status)
            statuses.add((await door.ask("PUT", end, self.auth)).status)
        return statuses


async def begun(fleet: Fleet, kind: Kind, stage: Stage) -> Work:
    """A user with WRITE in the one way of the kind, who has begun an upload."""
    await fleet.tell([*stage.base(), *kind.before(stage), *kind.gives(stage)])
    created = await fleet.image(OWNER, "acme", stage.image, stage.repository)
    await fleet.caught_up(ConsistencyToken.parse(created.token or ""))
    name = f"acme/{stage.image}"
    auth = await fleet.bearer(stage.user, name)
    opened = await fleet.doors[0].ask("POST", f"/v2/{name}/blobs/uploads/", auth)
    assert opened.status == 202, (kind.name, opened)
    work = Work(fleet, name, auth, opened.headers["Location"])
    assert (await fleet.doors[1].ask("PATCH", work.session, auth, data=BYTES)).status == 202
    assert await work.pulls() == {200}
    return work


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_what_was_begun_with_a_right_ends_with_it(fleet: Fleet, kind: Kind) -> None:
    """The open session and the bearer token are refused everywhere once the fact is known; nothing is served."""
    for number in range(rounds(ROUNDS)):
        stage = Stage(f"{kind.name.replace('_', '-')}-{number}", "acme")
        work = await begun(fleet, kind, stage)
        await fleet.caught_up(await fleet.tell(kind.takes(stage)))
        assert await work.goes_on() <= REFUSED
        assert await work.pulls() <= (REFUSED if kind.pulls else {200})


async def test_a_right_that_was_open_to_restoring_comes_back(fleet: Fleet) -> None:
    """Taken away and given again, the upload goes on where it was."""
    for kind in KINDS:
        stage = Stage(f"again-{kind.name.replace('_', '-')}", "acme")
        work = await begun(fleet, kind, stage)
        await fleet.caught_up(await fleet.tell(kind.takes(stage)))
        await fleet.caught_up(await fleet.tell(kind.gives(stage)))
        answer = await fleet.doors[2].ask("PATCH", work.session, work.auth, data=BYTES)
        assert answer.status == 202, (kind.name, answer)


async def test_a_credential_revoked_by_a_fact_ends_its_bearer_tokens_and_sessions(fleet: Fleet) -> None:
    """Another credential of the same user goes on."""
    for number in range(rounds(ROUNDS)):
        stage = Stage(f"leaked-{number}", "acme")
        work = await begun(fleet, KINDS[0], stage)
        leaked = await fleet.secret(stage.user)
        lost = Work(fleet, work.name, await fleet.bearer_of(stage.user, leaked.secret, work.name), work.session)
        assert await lost.pulls() == {200}
        await fleet.caught_up(await fleet.tell([credential_revoked(leaked.token.id, stage.user)]))
        assert await lost.pulls() == {401}
        assert await lost.goes_on() == {401}
        assert await work.pulls() == {200}
