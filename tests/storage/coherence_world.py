"""Processes that remember, and a database whose content moves, in one simulated time: chance orders everything.

The rules are those of the product (Recollection); polls, questions and changes take time, processes stop for a while,
and writers die. Each answer is compared with what there was while it was asked for.
"""

import heapq
import itertools
import random
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from moorage.storage.hold_feed import Poll
from moorage.storage.remembered.recollection import Kept, Reading, Recollection

IMAGE: Final = UUID(int=1)
KEY: Final = "tag"
POLL_SECONDS: Final = 0.015
DEAD_SECONDS: Final = 0.4
Step = Iterator[float]
"""Does something at a moment and says in how many seconds it goes on."""


class KeepsAll(Recollection):
    """Without the rule that what was read before a hold was seen is not kept after it."""

    def keep(self, reading: Reading, key: Hashable, kept: Kept) -> None:
        """See Recollection."""
        reading.is_spoiled = False
        super().keep(reading, key, kept)


class TellsAlways(Recollection):
    """Without the rule that the last look must be young."""

    def may_tell(self, arrived: float, now: float) -> bool:
        """See Recollection."""
        return self.is_informed


@dataclass(frozen=True)
class Rules:
    """What is in force. With all of it nothing wrong is told."""

    window: float = 0.05
    holds: bool = True
    waits: bool = True
    lost_holds_roll_back: bool = True
    recollection: type[Recollection] = Recollection


@dataclass
class Hold:
    """A row of content_hold."""

    since: float
    has_ended: bool = False


@dataclass
class World:
    """The database, its time, and how answers fared."""

    rules: Rules
    chance: random.Random
    now: float = 0.0
    holds: list[Hold] = field(default_factory=list)
    values: list[tuple[float, int | None]] = field(default_factory=lambda: [(0.0, 0)])
    hits: int = 0
    wrong: int = 0
    _steps: list[tuple[float, int, "Process", Step]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def add(self, process: "Process", step: Step) -> None:
        """It begins soon."""
        heapq.heappush(self._steps, (self.now + self.chance.random() / 10, next(self._numbers), process, step))

    def run(self, seconds: float) -> None:
        """So long by its own time."""
        while self.now < seconds:
            self.now, number, process, step = heapq.heappop(self._steps)
            if self.now < process.stopped_until:
                heapq.heappush(self._steps, (process.stopped_until, number, process, step))
                continue
            if self.chance.random() < 0.0005:
                process.stopped_until = self.now + self.chance.uniform(0.01, 0.6)
            if (after := next(step, None)) is not None:
                heapq.heappush(self._steps, (self.now + after, next(self._numbers), process, step))

    def latency(self) -> float:
        """Of a message or a statement: mostly short."""
        return self.chance.choice((0.0003, 0.001, 0.001, 0.003, 0.02, 0.06))

    def judge(self, arrived: float, answer: object) -> None:
        """Right is what there was at one moment at least between the arrival and now."""
        ends = [since for since, _ in self.values[1:]] + [float("inf")]
        recent = zip(reversed(self.values), reversed(ends), strict=True)
        for (since, value), end in recent:
            if since <= self.now and end >= arrived and value == answer:
                return
            if end < arrived:
                break
        self.wrong += 1


class Process:
    """One that polls and reads."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.stopped_until = 0.0
        self.memory = world.rules.recollection(2**20)

    def polls(self) -> Step:
        """As Polls and a feed do together."""
        world, seen = self.world, None
        while True:
            began = world.now
            yield world.latency()
            for hold in world.holds[-100:]:
                hold.has_ended = hold.has_ended or world.now - hold.since > DEAD_SECONDS
            moved = seen is not None and len(world.holds) > seen
            held = not all(hold.has_ended for hold in world.holds[-100:])
            continues, seen = seen is not None, len(world.holds)
            yield world.latency()
            images = [frozenset({IMAGE} if there else ()) for there in (held, moved)]
            self.memory.learn(Poll(timedelta(seconds=world.rules.window), continues, *images), began)
            yield POLL_SECONDS

    def reads(self) -> Step:
        """As Remembered does."""
        world, memory = self.world, self.memory
        while True:
            arrived = world.now
            while (kept := memory.recall(IMAGE, KEY, world.now)) and not memory.may_tell(arrived, world.now):
                yield 0.002
            if kept:
                world.hits += 1
                world.judge(arrived, kept.value)
            else:
                with memory.reading(IMAGE) as reading:
                    yield world.latency()
                    value = world.values[-1][1]
                    yield world.latency()
                    if value is not None:
                        memory.keep(reading, KEY, Kept(value))
                world.judge(arrived, value)
            yield world.chance.choice((0.0005, 0.002, 0.01))

    def changes(self, numbers: Iterator[int]) -> Step:
        """As `under_hold` does, or dies in between."""
        world, rules = self.world, self.world.rules
        while True:
            hold = Hold(world.now)
            if rules.holds:
                world.holds.append(hold)
                yield world.latency()
                yield rules.window if rules.waits else 0
            dies = world.chance.random() < 0.1
            yield 2 * DEAD_SECONDS if dies and world.chance.random() < 0.5 else world.latency()
            if not dies or hold.has_ended:
                if not (hold.has_ended and rules.lost_holds_roll_back):
                    world.values.append((world.now, None if world.chance.random() < 0.2 else next(numbers)))
                hold.has_ended = True
            yield world.chance.choice((0.01, 0.1, 0.3))


def simulated(rules: Rules, seed: int, seconds: float = 25) -> World:
    """Three processes, each with readers and a writer, after so much of their time."""
    world, numbers = World(rules, random.Random(seed)), itertools.count(1)
    for _ in range(3):
        process = Process(world)
        for step in (process.polls(), process.reads(), process.reads(), process.changes(numbers)):
            world.add(process, step)
    world.run(seconds)
    return world
