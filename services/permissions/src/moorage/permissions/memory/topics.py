"""The fact topics as they were first met, in memory."""

from dataclasses import replace

from moorage.permissions.memory.state import State
from moorage.permissions.topic_book import KnownTopic


class MemoryTopics:
    """See TopicBook."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def of(self, name: str) -> KnownTopic | None:
        """The topic of this name."""
        return self._state.topics.get(name)

    async def behind(self, name: str) -> int | None:
        """How much of its past is not applied yet."""
        known = self._state.topics.get(name)
        if known is None:
            return None
        positions = self._state.positions
        return sum(max(end - positions.get((name, part), 0), 0) for part, end in enumerate(known.ends))

    async def meet(self, topic: KnownTopic) -> None:
        """Keeps it as it is now."""
        known = self._state.topics.setdefault(topic.name, topic)
        if not known.incarnation:
            self._state.topics[topic.name] = replace(known, incarnation=topic.incarnation)

    async def forget(self, name: str) -> None:
        """Forgets it with its positions."""
        self._state.topics.pop(name, None)
        for place in [each for each in self._state.positions if each[0] == name]:
            del self._state.positions[place]
