"""What is known of the fact topics themselves, beside the positions in them; see moorage.permissions.ports."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KnownTopic:
    """A topic as it was when it was first met.

    `incarnation` is the brokers' own id of it, which a topic made anew under the name does not have; empty if they have
    none. `ends` are the ends of its partitions then: what lies before them is the past, to be replayed before anything
    is served (§2.6).
    """

    name: str
    incarnation: str
    ends: tuple[int, ...]


class TopicReader(Protocol):
    """The topics that were met."""

    async def of(self, name: str) -> KnownTopic | None:
        """The topic of this name."""
        ...

    async def behind(self, name: str) -> int | None:
        """How much of the topic's past is not applied yet, in offsets; None for a topic that was never met."""
        ...


class TopicBook(TopicReader, Protocol):
    """Topics to be met."""

    async def meet(self, topic: KnownTopic) -> None:
        """Keeps a topic as it is now; one that is known stays as it was first met, and only gains an incarnation."""
        ...

    async def forget(self, name: str) -> None:
        """Forgets a topic with the positions in it: it is met anew, and read from its beginning."""
        ...
