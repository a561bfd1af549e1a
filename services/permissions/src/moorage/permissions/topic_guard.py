"""Whether a topic is the one that the stored positions are in (R112)."""

from collections.abc import Mapping
from dataclasses import dataclass

from moorage.permissions.ports import Ledger
from moorage.permissions.topic_book import KnownTopic


class TopicUnfit(Exception):
    """Nothing more is applied from this topic; why is in words, with what to do."""

    def __init__(self, topic: str, words: str) -> None:
        super().__init__(words)
        self.topic, self.words = topic, words


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic as the brokers have it now; `incarnation` is empty if they give topics no id of their own."""

    name: str
    partitions: int
    incarnation: str


class TopicGuard:
    """Lets topics pass that have the partitions of the contract and are those that were first met."""

    def __init__(self, ledger: Ledger, partitions: Mapping[str, int]) -> None:
        self._ledger = ledger
        self._partitions = partitions

    async def knows(self, name: str) -> bool:
        """Whether the topic was met before."""
        async with self._ledger.viewing() as view:
            return await view.topics.of(name) is not None

    async def meet(self, found: FoundTopic, ends: Mapping[int, int]) -> None:
        """Keeps a new topic, with where its partitions end now. Raises TopicUnfit."""
        self._require_partitions(found)
        known = KnownTopic(found.name, found.incarnation, tuple(ends[part] for part in range(found.partitions)))
        async with self._ledger.changing() as change:
            await change.topics.meet(known)
        await self.admit(found)

    async def admit(self, found: FoundTopic) -> None:
        """Raises TopicUnfit for a topic that is not as it should be."""
        self._require_partitions(found)
        async with self._ledger.viewing() as view:
            known = await view.topics.of(found.name)
        if known and known.incarnation and found.incarnation and known.incarnation != found.incarnation:
            raise TopicUnfit(
                found.name,
                f"topic {found.name} was made anew since its facts were first read (it was {known.incarnation}, it is "
                f"{found.incarnation}): its positions mean nothing any more; have its sources send "
                f"snapshots, and accept it with `moorage permissions topics accept {found.name}`",
            )

    def _require_partitions(self, found: FoundTopic) -> None:
        wanted = self._partitions[found.name]
        if found.partitions != wanted:
            raise TopicUnfit(
                found.name,
                f"topic {found.name} has {found.partitions} partitions instead of {wanted}: keys have moved, and the "
                f"order of facts is lost; make it anew with {wanted} and have its sources send snapshots",
            )
