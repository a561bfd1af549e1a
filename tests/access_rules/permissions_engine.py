"""The permissions service: facts by its ingest, records by its changes, decisions by its check, on any ledger."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from uuid import UUID

from access_rules.engines import Answer
from access_rules.lifecycle import (
    Allow,
    Change,
    Configure,
    Create,
    Delete,
    Elapse,
    Learn,
    Relink,
    Restore,
    Step,
)
from access_rules.world import BEGINNING, Event, Question, World
from moorage.access.frames import EntityKind
from moorage.access.image import ImageRecord, ImageState
from moorage.permissions import image_changes, rows
from moorage.permissions.apply import Apply
from moorage.permissions.batches import Record
from moorage.permissions.check import decide
from moorage.permissions.images import Images, store
from moorage.permissions.ports import Change as LedgerChange
from moorage.permissions.ports import Deciding, Ledger
from moorage.permissions.records import DetachCause, Image, Origin, Source, SourceKind, SourceSpec, Transport, Workspace
from moorage.permissions.slots import Entity

Made = Create | Change | Relink | Delete | Restore | Allow | Configure
NO_ANSWER = Answer("not asked")
SOURCE = SourceSpec("tables", SourceKind.MANUAL, Transport.HTTP)


@dataclass(slots=True)
class WorldClock:
    """The time of the world that is being told; it starts anew with each one."""

    time: datetime = BEGINNING

    def now(self) -> datetime:
        """See moorage.runtime.clock.Clock."""
        return self.time

    def monotonic(self) -> float:
        """See moorage.runtime.clock.Clock."""
        return (self.time - BEGINNING).total_seconds()


class PermissionsEngine:
    """`decide` of the service over `ledger`; `forget` empties the ledger, `clock` is the ledger's own."""

    def __init__(self, ledger: Ledger, clock: WorldClock, forget: Callable[[], Awaitable[None]] | None = None) -> None:
        self._ledger = ledger
        self._clock = clock
        self._forget = forget
        self._apply = Apply(ledger, clock)
        self._images = Images(ledger, clock)

    async def load(self, world: World) -> None:
        """Forgets everything and takes in this world, its facts in any order: versions say what is newest."""
        await self.begin()
        for part in halves(world):
            await self.learn(part)
        await self.settle(world)

    async def judge(self, question: Question) -> Answer:
        """The service's decision at head; an allowed push without a record is one that would create it."""
        async with self._ledger.viewing() as view:
            return await self._answer(view, question)

    async def judge_all(self, questions: Sequence[Question], connections: int) -> list[Answer]:
        """The same for many: each of so many views of head answers its share."""
        shares = [questions[first::connections] for first in range(connections)]
        answers: list[Answer] = [NO_ANSWER] * len(questions)
        told = await asyncio.gather(*(self._judge_share(share) for share in shares))
        for first, share in enumerate(told):
            answers[first::connections] = share
        return answers

    async def _judge_share(self, share: Sequence[Question]) -> list[Answer]:
        async with self._ledger.viewing() as view:
            return [await self._answer(view, each) for each in share]

    async def _answer(self, view: Deciding, question: Question) -> Answer:
        asked = (question.identity, question.workspace, question.image, question.action)
        outcome = await decide(view, *asked, self._clock.now())
        return Answer(outcome.reason, outcome.readable, outcome.role)

    async def play(self, steps: Sequence[Step]) -> None:
        """Forgets everything and lives through a history; what is told before the first image is one batch."""
        await self.begin()
        first = next((n for n, step in enumerate(steps) if not isinstance(step, Learn)), len(steps))
        await self.learn(step.event for step in steps[:first] if isinstance(step, Learn))
        for step in steps[first:]:
            await self._follow(step)

    async def begin(self) -> None:
        """Forgets everything."""
        assert self._forget
        await self._forget()
        self._clock.time = BEGINNING

    async def learn(self, events: Iterable[Event]) -> None:
        """Applies facts as one batch."""
        records = [Record(number, json.dumps(event).encode()) for number, event in enumerate(events, 1)]
        await self._apply.over_http(await self._source(), records)

    async def settle(self, world: World) -> None:
        """Takes in a world's settings and image records, as they are, and its time."""
        for workspace in world.allow_public:
            await self._follow(Allow(workspace, public=True))
        for workspace, said in world.publishing.items():
            fields = {name: getattr(said, name) for name in ("policy", "publishers", "pipeline_create")}
            await self._follow(Configure(workspace, fields))
        for image in world.images:
            await self._follow(Create(image))
        self._clock.time = world.now

    async def _source(self) -> Source:
        async with self._ledger.changing() as change:
            return await change.sources.named(SOURCE.name) or await change.sources.declare(SOURCE, None)

    async def _follow(self, step: Step) -> None:
        match step:
            case Learn(event):
                await self.learn([event])
            case Elapse(time):
                self._clock.time += time
                await self._images.expire_overdue()
            case _:
                async with self._ledger.changing() as change:
                    await self._change(change, step)

    async def _change(self, change: LedgerChange, step: Made) -> None:
        match step:
            case Create(record):
                await self._create(change, record)
            case Change(name, fields):
                image = await self._named(change, name)
                await store(change, replace(image, record=replace(image.record, **fields)))
            case Relink(name, target):
                image = await self._named(change, name)
                repository = await change.hierarchy.repository(image.workspace_alias, target)
                assert repository is not None
                await store(change, image_changes.relinked(image, repository, None))
            case Delete(name):
                await store(change, image_changes.deleted(await self._named(change, name), self._clock.now()))
            case Restore(name):
                await store(change, image_changes.undeleted(await self._deleted(change, name)))
            case Allow(identity, public):
                workspace = await self._workspace(change, identity)
                await self._configure(change, replace(workspace, allow_public=public))
            case Configure(identity, fields):
                workspace = await self._workspace(change, identity)
                await self._configure(change, replace(workspace, publishing=replace(workspace.publishing, **fields)))

    async def _workspace(self, change: LedgerChange, identity: UUID) -> Workspace:
        workspace = await change.hierarchy.workspace_by_id(identity)
        assert workspace is not None
        return workspace

    async def _configure(self, change: LedgerChange, workspace: Workspace) -> None:
        await change.facts.set_workspace(workspace)
        change.log.append(rows.workspace_row(workspace))

    async def _create(self, change: LedgerChange, record: ImageRecord) -> None:
        workspace = await change.hierarchy.workspace_by_id(record.workspace)
        assert workspace is not None
        repository = await change.hierarchy.repository(workspace.alias, record.repository)
        assert repository is not None
        entity = Entity(EntityKind.IMAGE, workspace.id, record.id)
        alias = (await change.facts.intern([entity]))[entity]
        cause = DetachCause.REPOSITORY_DELETED if record.state is ImageState.DETACHED else None
        image = Image(alias, record, repository, workspace.slug, workspace.alias, Origin.API, BEGINNING, cause)
        await change.images.add(image)
        change.log.append(rows.image_row(image))

    async def _named(self, change: LedgerChange, name: str) -> Image:
        """The image of this name, in the one workspace of the tables."""
        workspace = await change.hierarchy.workspace("acme")
        assert workspace is not None
        image = await change.images.named(workspace.alias, name)
        assert image is not None
        return image

    async def _deleted(self, change: LedgerChange, name: str) -> Image:
        """The deleted image that was called so."""
        workspace = await change.hierarchy.workspace("acme")
        assert workspace is not None
        found = await change.images.restorable(workspace.alias, ("", UUID(int=0)), self._clock.now(), 10)
        return next(image for image in found if image.record.name == name)


def halves(world: World) -> tuple[list[Event], list[Event]]:
    """A world's facts, shuffled, in two parts; that a workspace exists is told first."""
    mixed = list(world.events)
    Random(len(mixed)).shuffle(mixed)
    directory = [event for event in mixed if event["subject"].startswith("ws:")]
    rest = [event for event in mixed if not event["subject"].startswith("ws:")]
    return directory + rest[::2], rest[1::2]
