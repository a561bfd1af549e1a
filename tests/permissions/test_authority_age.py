"""The authority judges its own age: past the bound of what is asked it answers 503 (authorization.md §3.3)."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from contracts.authority import Site
from moorage.access import wire
from moorage.access.action import Action
from moorage.access.image import Visibility
from moorage.access.principal import ANONYMOUS, Identity
from moorage.access.problems import NotFound, ServiceUnavailable
from moorage.access.reading_wire import ListCatalogRequest
from moorage.access.reason import Reason
from moorage.access.sync_wire import BumpEpochRequest, SyncStatusRequest
from moorage.permissions.adapters.pepper import FilePepper
from moorage.permissions.app import Permissions
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.records import SourceKind
from moorage.permissions.settings import PermissionsSettings
from moorage.permissions.sources import DeclareSourceRequest
from moorage.runtime.clock import FixedClock
from permissions.sample_facts import event, grant, repository, small_workspace, uuid_of, workspace

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SOURCE = "bitbucket:acme"


class Town:
    """Permissions in memory, fed by a continuous source over HTTP whose heartbeats a test sends; time stands still."""

    def __init__(self, folder: Path, **bounds: float) -> None:
        self.clock = FixedClock(NOON)
        configured = {"database_url": "postgresql://", "secrets_dir": ".", "service_token": "between services"}
        settings = PermissionsSettings.model_validate(configured)
        self.permissions = Permissions(MemoryLedger(self.clock), FilePepper(b"k" * 32), self.clock, settings)
        self._folder = folder
        self._bounds = bounds
        self._versions = 0

    async def begin(self) -> Site:
        """The source is declared, and has told of the small workspace."""
        secret = await self.permissions.operator(self._folder / "operator.json")
        await self.declare(SOURCE, **self._bounds)
        await self.tell(*small_workspace())
        await self.beat()
        authority = self.permissions.authority
        return Site(authority, self.permissions.ingest, authority.set_workspace, secret)

    async def declare(self, name: str, **bounds: float) -> None:
        """A continuous source for everything."""
        request = DeclareSourceRequest.model_validate({"name": name, "kind": SourceKind.CONTINUOUS, "bounds": bounds})
        await self.permissions._declarations.declare(request)

    async def tell(self, *facts: bytes, source: str = SOURCE) -> None:
        """Facts, each with the next version."""
        lines = []
        for fact in facts:
            self._versions += 1
            lines.append(fact.replace(b'"data":{', b'"data":{"version":%d,' % self._versions, 1))
        await self.permissions.ingest(lines, source)

    async def beat(self, source: str = SOURCE) -> None:
        """The source says that it has told all it knows."""
        data = {"source": source, "as_of": self.clock.now().isoformat(), "mode": "event"}
        await self.permissions.ingest([event("scm.heartbeat", f"hb:{source}", data)], source)

    def pass_seconds(self, seconds: float) -> None:
        """Time passes, and nobody sends a heartbeat."""
        self.clock.advance(timedelta(seconds=seconds))


@pytest.fixture
async def town(tmp_path: Path) -> Town:
    """Without facts yet."""
    return Town(tmp_path)


@pytest.fixture
async def site(town: Town) -> Site:
    """With the small workspace, and an image."""
    found = await town.begin()
    await found.image()
    return found


async def is_stale(question: Awaitable[object]) -> bool:
    """Whether the answer is that the authority is too old to answer."""
    try:
        await question
    except ServiceUnavailable as refusal:
        return bool(refusal.members["reason"] == Reason.AUTHORITY_STALE)
    return False


CHANGES: dict[str, Callable[[Site, wire.IdentityBody, wire.ImageBody], Awaitable[Any]]] = {
    "check push": lambda site, bob, image: site.check(bob, Action.PUSH),
    "check delete": lambda site, bob, image: site.check(bob, Action.DELETE),
    "first push": lambda site, bob, image: site.push(bob, "hello/new"),
    "create": lambda site, bob, image: site.authority.create_image(
        wire.CreateImageRequest(identity=bob, workspace="acme", image="hello/made", repository="hello")
    ),
    "set": lambda site, bob, image: site.authority.set_image(
        wire.SetImageRequest(identity=bob, id=image.id, visibility=Visibility.WORKSPACE)
    ),
    "relink": lambda site, bob, image: site.authority.relink_image(
        wire.RelinkImageRequest(identity=bob, id=image.id, repository="hello")
    ),
    "delete": lambda site, bob, image: site.authority.delete_image(wire.DeleteImageRequest(identity=bob, id=image.id)),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize(("seconds", "stale"), [(5, False), (31, False), (120, False), (121, True), (10**6, True)])
async def test_changes_are_decided_up_to_the_bound_of_pushes(
    town: Town, site: Site, what: str, seconds: float, stale: bool
) -> None:
    """Whatever removes or changes something, as long as the facts are not too old to push by."""
    bob = await site.login("bob")
    image = (await site.check(bob, Action.PULL)).image
    assert image
    town.pass_seconds(seconds)
    assert await is_stale(CHANGES[what](site, bob, image)) is stale


@pytest.mark.parametrize(
    ("visibility", "seconds", "stale"),
    [
        (Visibility.INHERIT, 300, False),
        (Visibility.INHERIT, 301, True),
        (Visibility.WORKSPACE, 300, False),
        (Visibility.WORKSPACE, 301, True),
        (Visibility.PUBLIC, 301, False),
        (Visibility.PUBLIC, 900, False),
        (Visibility.PUBLIC, 901, True),
    ],
)
async def test_pulls_are_decided_up_to_their_own_bounds(
    town: Town, site: Site, visibility: Visibility, seconds: float, stale: bool
) -> None:
    """Public images longest."""
    bob, ada = await site.login("bob"), await site.login("ada")
    await site.set_workspace(wire.SetWorkspaceRequest(identity=ada, workspace="acme", allow_public=True))
    image = await site.authority.find_image(wire.FindImageRequest(identity=bob, workspace="acme", image="hello/api"))
    await site.authority.set_image(wire.SetImageRequest(identity=bob, id=image.id, visibility=visibility))
    town.pass_seconds(seconds)
    assert await is_stale(site.check(bob, Action.PULL)) is stale


@pytest.mark.parametrize(("seconds", "stale"), [(300, False), (301, True)])
async def test_where_a_workspace_allows_no_public_images_they_age_like_its_others(
    town: Town, site: Site, seconds: float, stale: bool
) -> None:
    """Who may pull one is judged by facts then, however it is called."""
    bob, ada, mia = await site.login("bob"), await site.login("ada"), await site.login("mia")
    image = (await site.check(bob, Action.PULL)).image
    assert image
    await site.set_workspace(wire.SetWorkspaceRequest(identity=ada, workspace="acme", allow_public=True))
    await site.authority.set_image(wire.SetImageRequest(identity=bob, id=image.id, visibility=Visibility.PUBLIC))
    await site.set_workspace(wire.SetWorkspaceRequest(identity=ada, workspace="acme", allow_public=False))
    town.pass_seconds(seconds)
    for who in (bob, mia):
        assert await is_stale(site.check(who, Action.PULL)) is stale


READINGS: dict[str, Callable[[Site, wire.IdentityBody, wire.ImageBody], Awaitable[Any]]] = {
    "find by id": lambda site, bob, image: site.authority.find_image(wire.FindImageRequest(identity=bob, id=image.id)),
    "find by name": lambda site, bob, image: site.authority.find_image(
        wire.FindImageRequest(identity=bob, workspace="acme", image="hello/api")
    ),
    "list": lambda site, bob, image: site.authority.list_images(wire.ListImagesRequest(identity=bob, workspace="acme")),
    "catalogue": lambda site, bob, image: site.authority.list_catalog(ListCatalogRequest(identity=bob)),
}


@pytest.mark.parametrize("what", READINGS)
@pytest.mark.parametrize(("seconds", "stale"), [(300, False), (301, True)])
async def test_records_are_read_up_to_the_bound_of_pulls(
    town: Town, site: Site, what: str, seconds: float, stale: bool
) -> None:
    """Whoever may pull an image sees its record: on the same facts, or not at all."""
    bob = await site.login("bob")
    image = (await site.check(bob, Action.PULL)).image
    assert image
    town.pass_seconds(seconds)
    assert await is_stale(READINGS[what](site, bob, image)) is stale


async def test_what_is_absent_is_not_called_so_on_old_facts(town: Town, site: Site) -> None:
    """Nor what is hidden, nor an empty list (V3)."""
    olga = await site.login("olga")
    town.pass_seconds(301)
    for image in ("hello/api", "hello/absent"):
        assert await is_stale(
            site.authority.find_image(wire.FindImageRequest(identity=olga, workspace="acme", image=image))
        )
    assert await is_stale(site.authority.list_images(wire.ListImagesRequest(identity=olga, workspace="acme")))


async def test_a_public_record_is_read_as_long_as_it_is_pulled(town: Town, site: Site) -> None:
    """Beyond the bound of the others."""
    bob, ada, olga = await site.login("bob"), await site.login("ada"), await site.login("olga")
    await site.set_workspace(wire.SetWorkspaceRequest(identity=ada, workspace="acme", allow_public=True))
    image = await site.authority.find_image(wire.FindImageRequest(identity=bob, workspace="acme", image="hello/api"))
    await site.authority.set_image(wire.SetImageRequest(identity=bob, id=image.id, visibility=Visibility.PUBLIC))
    find = wire.FindImageRequest(identity=olga, id=image.id)
    town.pass_seconds(900)
    assert (await site.authority.find_image(find)).id == image.id
    town.pass_seconds(1)
    assert await is_stale(site.authority.find_image(find))


async def test_a_workspace_that_nobody_could_see_into_ages_alone(town: Town, site: Site) -> None:
    """The catalogue of those who have nothing there goes on."""
    await town.declare("bitbucket:globex")
    facts = [
        workspace("globex", of="globex"),
        repository("tool", of="globex"),
        grant("repository:tool", "user:rita", "read", of="globex"),
    ]
    await town.tell(*facts, source="bitbucket:globex")
    await town.beat("bitbucket:globex")
    bob, rita = await site.login("bob"), await site.login("rita")
    town.pass_seconds(301)
    await town.beat()
    listed = await site.authority.list_catalog(ListCatalogRequest(identity=bob))
    assert [image.name for image in listed.images] == ["acme/hello/api"]
    assert await is_stale(site.authority.list_catalog(ListCatalogRequest(identity=rita)))


async def test_absent_and_hidden_are_alike_when_facts_are_old(town: Town, site: Site) -> None:
    """Also for a public image that nobody outside may see, because the workspace allows none (V3)."""
    bob, ada, olga = await site.login("bob"), await site.login("ada"), await site.login("olga")
    image = (await site.check(bob, Action.PULL)).image
    assert image
    await site.set_workspace(wire.SetWorkspaceRequest(identity=ada, workspace="acme", allow_public=True))
    await site.authority.set_image(wire.SetImageRequest(identity=bob, id=image.id, visibility=Visibility.PUBLIC))
    await site.set_workspace(wire.SetWorkspaceRequest(identity=ada, workspace="acme", allow_public=False))
    town.pass_seconds(400)
    assert await is_stale(site.check(olga, Action.PULL))
    assert await is_stale(site.check(olga, Action.PULL, "hello/absent"))


async def test_an_answer_says_up_to_when_everything_is_known(town: Town, site: Site) -> None:
    """Where facts age."""
    bob = await site.login("bob")
    town.pass_seconds(40)
    assert (await site.check(bob, Action.PULL)).as_of == NOON


async def test_a_heartbeat_makes_young_again(town: Town, site: Site) -> None:
    """Nothing else does: silence is not freshness."""
    bob = await site.login("bob")
    town.pass_seconds(200)
    assert await is_stale(site.check(bob, Action.PUSH))
    await town.beat()
    assert not await is_stale(site.check(bob, Action.PUSH))


async def test_a_manual_source_never_ages(town: Town) -> None:
    """What people write is authoritative as written."""
    await town.permissions.operator(town._folder / "operator.json")
    await town.permissions.ingest(small_workspace())
    authority = town.permissions.authority
    site = Site(authority, town.permissions.ingest, authority.set_workspace, "")
    town.pass_seconds(10**8)
    anybody = wire.IdentityBody.of(Identity(ANONYMOUS))
    assert (await site.check(anybody, Action.PULL)).as_of is None


async def test_a_pinned_workspace_affects_no_other(town: Town, site: Site) -> None:
    """A record of one workspace could not be read; the others go on."""
    await town.tell(workspace("globex", of="globex"))
    bob = await site.login("bob")
    globex = str(uuid_of("workspace", "globex"))
    bad = event("scm.workspace.set", f"ws:{globex}", {"workspace": globex})
    await town.tell(bad)
    town.pass_seconds(121)
    await town.beat()
    assert not await is_stale(site.check(bob, Action.PUSH))
    check = wire.CheckRequest(identity=bob, workspace="globex", image="any/thing", action=Action.PUSH)
    assert await is_stale(site.authority.check(check))


async def test_a_source_may_have_bounds_of_its_own(tmp_path: Path) -> None:
    """A slow poll is judged by its own measure."""
    town = Town(tmp_path, fresh=3600, aging=3600, push=7200, pull=7200, public=7200)
    site = await town.begin()
    bob = await site.login("bob")
    town.pass_seconds(7000)
    assert not await is_stale(site.check(bob, Action.PUSH))
    town.pass_seconds(300)
    assert await is_stale(site.check(bob, Action.PUSH))


async def test_members_and_the_operator_see_how_current_the_workspace_is(town: Town, site: Site) -> None:
    """Outsiders don't."""
    town.pass_seconds(40)
    for who in (await site.login("rita"), await site.operator()):
        status = await site.authority.sync_status(SyncStatusRequest(identity=who, workspace="acme"))
        assert [(each.lane, each.source, each.age) for each in status.lanes] == [("s2", SOURCE, 40.0)]
        assert status.lag == 40.0
        assert status.last_applied is not None
        assert status.head.startswith("zt1.1.")
    request = SyncStatusRequest(identity=await site.login("olga"), workspace="acme")
    with pytest.raises(NotFound):
        await site.authority.sync_status(request)


async def test_over_http_it_is_a_503_that_says_when_to_come_back(town: Town, site: Site) -> None:
    """With the reason, and up to when everything is known."""
    bob = await site.login("bob")
    town.pass_seconds(121)
    check = wire.CheckRequest(identity=bob, workspace="acme", image="hello/api", action=Action.PUSH)
    async with served(town) as client:
        headers = {"Authorization": "Bearer between services"}
        answer = await client.post("/internal/v1/check", data=check.model_dump_json(), headers=headers)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert (await answer.json())["reason"] == "authority_stale"


async def test_a_new_epoch_doubts_what_was_told_once(town: Town, site: Site) -> None:
    """Until the operator confirms it, nobody is let in on it; sources over HTTP don't tell again by themselves."""
    bob = await site.login("bob")
    before = (await site.check(bob, Action.PULL)).token
    bumped = await town.permissions._epochs.bump(BumpEpochRequest(reason="restored"))
    assert (bumped.epoch, bumped.unconfirmed) == (2, 1)
    await town.beat()
    assert await is_stale(site.check(bob, Action.PULL))
    confirmed = await town.permissions._epochs.confirm()
    assert confirmed.unconfirmed == 0
    after = await site.check(bob, Action.PULL)
    assert after.reason is Reason.OK
    assert (before.split(".")[1], after.token.split(".")[1]) == ("1", "2")


async def test_a_new_epoch_with_facts_that_are_current_goes_on_at_once(town: Town, site: Site) -> None:
    """The operator has said so."""
    bob = await site.login("bob")
    await town.permissions._epochs.bump(BumpEpochRequest(reason="failover", facts_are_current=True))
    assert (await site.check(bob, Action.PULL)).reason is Reason.OK


def served(town: Town) -> TestClient[web.Request, web.Application]:
    """The internal listener."""
    return TestClient(TestServer(town.permissions.internal_app()))
