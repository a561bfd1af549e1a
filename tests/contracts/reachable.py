"""What every ledger finds within somebody's reach: all that they may pull, and hardly more."""

from dataclasses import replace
from typing import Final
from uuid import UUID, uuid4

import pytest

from moorage.access import wire
from moorage.access.action import Action
from moorage.access.frames import EntityKind
from moorage.access.image import Visibility
from moorage.access.principal import ANONYMOUS, Bound, Identity, Principal, PrincipalKind
from moorage.access.reading_wire import ListCatalogRequest
from moorage.access.role import Membership, Role
from moorage.permissions import image_changes
from moorage.permissions.apply import Apply
from moorage.permissions.batches import Record
from moorage.permissions.check import decide_image
from moorage.permissions.images import store
from moorage.permissions.listing import Listing
from moorage.permissions.ports import Deciding, Ledger
from moorage.permissions.reach import Opened, Reach
from moorage.permissions.records import Image, Origin, SourceKind, SourceSpec, Transport, Workspace
from moorage.permissions.slots import Entity
from moorage.runtime.clock import FixedClock
from permissions.sample_facts import grant, repository, small_workspace, uuid_of, workspace

BY_HAND: Final = SourceSpec("by-hand", SourceKind.MANUAL, Transport.HTTP)
CLOCK: Final = FixedClock()
ROBOT: Final = Identity(Principal(PrincipalKind.ROBOT, uuid_of("robot", "one")), granted_role=Role.READ)


def person(account: str) -> Identity:
    """A user, without a credential."""
    return Identity(Principal(PrincipalKind.USER, uuid_of("user", account)))


def pipeline(home: str) -> Identity:
    """A pipeline of a repository."""
    return Identity(Principal(PrincipalKind.PIPELINE, uuid_of("repository", home)))


def robot(kind: str, *ids: UUID) -> Identity:
    """A robot that reads inside these nodes."""
    return replace(ROBOT, bound=Bound(kind, frozenset(ids)))


ASKING: Final = {
    **{account: person(account) for account in ("ada", "bob", "carol", "rita", "mia", "olga", "nobody")},
    "a user with a bound": replace(
        person("ada"), bound=Bound("repository", frozenset({uuid_of("repository", "hello")}))
    ),
    "a pipeline": pipeline("hello"),
    "a pipeline that consumes": pipeline("ledger"),
    "a robot of a repository": robot("repository", uuid_of("repository", "hello")),
    "a robot of a project": robot("project", uuid_of("project", "PAY")),
    "a robot of a workspace": robot("workspace", uuid_of("workspace", "acme")),
    "a robot of nothing": ROBOT,
    "nobody": Identity(ANONYMOUS),
}


class ReachableContract:
    """Mix in and give `ledger` an empty one."""

    @pytest.fixture
    async def ledger(self) -> Ledger:
        """A ledger at its beginning."""
        raise NotImplementedError

    @pytest.fixture
    async def town(self, ledger: Ledger) -> Ledger:
        """Two workspaces, both open to the public, with images of every visibility in each repository."""
        async with ledger.changing() as change:
            by_hand = await change.sources.declare(BY_HAND, None)
        facts = [*small_workspace(), workspace("globex", of="globex"), repository("tool", of="globex")]
        facts += [grant("repository:tool", "user:rita", "read", of="globex")]
        told = await Apply(ledger, CLOCK).over_http(by_hand, [Record(n, each) for n, each in enumerate(facts, 1)])
        assert not told.refused, told.refused
        for slug, homes in (("acme", ("hello", "ledger")), ("globex", ("tool",))):
            for home in homes:
                for visibility in Visibility:
                    await _create(ledger, slug, home, f"{home}/{visibility.value}", visibility)
        await _create(ledger, "acme", "hello", "hello/consumed", Visibility.INHERIT, uuid_of("repository", "ledger"))
        await _allow_public(ledger, True)
        return ledger

    @pytest.mark.parametrize("who", ASKING)
    async def test_a_list_is_what_may_be_pulled(self, town: Ledger, who: str) -> None:
        """Neither more nor less than what the rules say of one image after the other."""
        identity, listing = ASKING[who], Listing(town, CLOCK)
        body = wire.IdentityBody.of(identity)
        wanted = []
        for slug in ("acme", "globex"):
            names = await _pulled(town, identity, slug)
            told = await listing.page(wire.ListImagesRequest(identity=body, workspace=slug))
            assert [each.name for each in told.images] == names
            wanted += names
        told = await listing.catalog(ListCatalogRequest(identity=body))
        assert ([each.name for each in told.images], told.cursor) == (wanted, None)

    @pytest.mark.parametrize("limit", [1, 2, 100])
    async def test_pages_joined_are_the_whole(self, town: Ledger, limit: int) -> None:
        """Of the catalogue, over the borders of workspaces."""
        listing, names, cursor = Listing(town, CLOCK), list[str](), ""
        identity = wire.IdentityBody.of(person("rita"))
        while True:
            page = await listing.catalog(ListCatalogRequest(identity=identity, cursor=cursor, limit=limit))
            names += [each.name for each in page.images]
            if not page.cursor:
                break
            cursor = page.cursor
        assert names == [*await _pulled(town, person("rita"), "acme"), *await _pulled(town, person("rita"), "globex")]

    async def test_of_a_foreign_workspace_only_what_is_open_is_looked_at(self, town: Ledger) -> None:
        """However many images it has."""
        async with town.viewing() as view:
            acme = await view.hierarchy.workspace("acme")
            assert acme
            reach = Reach.of(person("olga"))
            opened = Opened.to(reach, acme, Membership.NONE)
            found = await view.reachable.images(acme, reach, opened, "", 100)
        assert [each.record.name for each in found] == ["hello/public", "ledger/public"]

    async def test_workspaces_without_anything_to_see_are_not_looked_into(self, town: Ledger) -> None:
        """Nor those before the place where a page begins."""
        await _allow_public(town, False)
        async with town.viewing() as view:
            for account, slugs in (("olga", []), ("bob", ["acme"]), ("rita", ["acme", "globex"])):
                assert list(await view.reachable.workspaces(Reach.of(person(account)), "", 10)) == slugs
            assert list(await view.reachable.workspaces(Reach.of(person("rita")), "b", 10)) == ["globex"]
            assert list(await view.reachable.workspaces(Reach.of(person("rita")), "", 1)) == ["acme"]


async def _allow_public(ledger: Ledger, allowed: bool) -> None:
    async with ledger.changing() as change:
        for slug in ("acme", "globex"):
            found = await change.hierarchy.workspace(slug)
            assert found
            await change.facts.set_workspace(replace(found, allow_public=allowed))


async def _create(
    ledger: Ledger, slug: str, home: str, name: str, visibility: Visibility, consumer: UUID | None = None
) -> None:
    async with ledger.changing() as change:
        found = await change.hierarchy.workspace(slug)
        assert found
        repository = await change.hierarchy.repository(found.alias, uuid_of("repository", home))
        assert repository
        id = uuid4()
        entity = Entity(EntityKind.IMAGE, found.id, id)
        alias = (await change.facts.intern([entity]))[entity]
        image = image_changes.created(alias, id, found, name, repository, Origin.API, CLOCK.now())
        await change.images.add(image)
        consumers = frozenset({consumer} if consumer else ())
        record = replace(image.record, visibility=visibility, consumer_repositories=consumers)
        await store(change, replace(image, record=record))


async def _pulled(ledger: Ledger, identity: Identity, slug: str) -> list[str]:
    """The names of what the rules let the identity pull, by looking at everything."""
    async with ledger.viewing() as view:
        found = await view.hierarchy.workspace(slug)
        assert found
        every = await view.images.page(found.alias, "", 1000)
        return [f"{slug}/{each.record.name}" for each in every if await _may(view, identity, found, each)]


async def _may(view: Deciding, identity: Identity, workspace: Workspace, image: Image) -> bool:
    return (await decide_image(view, identity, workspace, image, Action.PULL, CLOCK.now())).readable
