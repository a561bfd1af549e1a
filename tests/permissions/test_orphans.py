"""The daily look for active images whose repository is gone (I4): none in any life, and a number if there were one."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from moorage.access.frames import EntityKind
from moorage.access.image import ImageState, NodeState
from moorage.permissions import image_changes
from moorage.permissions.images import store
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.orphans import NAME, Orphans
from moorage.permissions.ports import Ledger
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.permissions.records import Origin
from moorage.permissions.slots import Entity
from moorage.permissions.sources import LOCAL
from permissions.conftest import service_over
from permissions.sample_facts import project, repository, small_workspace, uuid_of


async def with_an_image(ledger: Ledger) -> Ledger:
    """The ledger with the small workspace and one image of its repository hello."""
    async with ledger.changing() as change:
        await change.sources.declare(LOCAL, None)
    await service_over(ledger).ingest(small_workspace())
    async with ledger.changing() as change:
        workspace = await change.hierarchy.workspace("acme")
        assert workspace is not None
        hello = await change.hierarchy.repository(workspace.alias, uuid_of("repository", "hello"))
        assert hello is not None
        id, now = uuid4(), datetime.now(UTC)
        entity = Entity(EntityKind.IMAGE, workspace.id, id)
        alias = (await change.facts.intern([entity]))[entity]
        await change.images.add(image_changes.created(alias, id, workspace, "hello/api", hello, Origin.API, now))
    return ledger


async def told(ledger: Ledger) -> tuple[int, float | None]:
    """What the look answers, and what the metric says after it."""
    registry = CollectorRegistry()
    return await Orphans(ledger, registry).look(), registry.get_sample_value(NAME)


class OrphansAreFound:
    """Give `ledger` one that `with_an_image` has filled."""

    @pytest.fixture
    async def ledger(self) -> Ledger:
        """A ledger with an image."""
        raise NotImplementedError

    async def test_no_life_of_a_repository_leaves_an_orphan(self, ledger: Ledger) -> None:
        """Active, archived, deleted (its images are detached), back again, and with its project gone."""
        service = service_over(ledger)
        for state in ("active", "archived", "deleted", "active", "transferred"):
            await service.ingest([repository("hello", state=state)])
            assert await told(ledger) == (0, 0.0), state
        await service.ingest([repository("hello"), project(state="deleted")])
        assert await told(ledger) == (0, 0.0)

    async def test_an_orphan_is_counted(self, ledger: Ledger) -> None:
        """If a bug of ours ever left one, the number says so."""
        await service_over(ledger).ingest([repository("hello", state=NodeState.DELETED.value)])
        async with ledger.changing() as change:
            workspace = await change.hierarchy.workspace("acme")
            assert workspace is not None
            image = await change.images.named(workspace.alias, "hello/api")
            assert image is not None
            record = replace(image.record, state=ImageState.ACTIVE, deadline=None)
            await store(change, replace(image, record=record, detached_by=None))
        assert await told(ledger) == (1, 1.0)


class TestInMemory(OrphansAreFound):
    """Over memory."""

    @pytest.fixture
    async def ledger(self) -> Ledger:
        """See OrphansAreFound."""
        return await with_an_image(MemoryLedger())


class TestInPostgres(OrphansAreFound):
    """Over PostgreSQL."""

    @pytest.fixture
    async def ledger(self, postgres_ledger: PostgresLedger) -> Ledger:
        """See OrphansAreFound."""
        return await with_an_image(postgres_ledger)
