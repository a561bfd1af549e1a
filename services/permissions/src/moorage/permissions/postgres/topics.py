"""The fact topics as they were first met, and how much of what they held then has been applied."""

from dataclasses import dataclass
from typing import Final

from moorage.permissions.topic_book import KnownTopic
from moorage.runtime.statement import Connection, Statement, execute, fetch_one


@dataclass(frozen=True, slots=True)
class TopicRow:
    """A topic as it is stored; the ends are in the order of the partitions."""

    topic: str
    incarnation: str
    first_ends: list[int]


TOPIC: Final = Statement(TopicRow, "SELECT topic, incarnation, first_ends FROM ingest_topic WHERE topic = $1")
MEET: Final = Statement(
    type(None),
    """
    INSERT INTO ingest_topic AS known (topic, incarnation, first_ends) VALUES ($1, $2, $3)
    ON CONFLICT (topic) DO UPDATE SET incarnation = excluded.incarnation WHERE known.incarnation = ''
    """,
)
FORGET: Final = Statement(
    type(None),
    """
    WITH positions AS (DELETE FROM ingest_position WHERE topic = $1)
    DELETE FROM ingest_topic WHERE topic = $1
    """,
)
BEHIND: Final = Statement(
    int,
    """
    SELECT coalesce(sum(greatest(first.ends - coalesce(position.next, 0), 0)), 0)::bigint
    FROM ingest_topic, unnest(first_ends) WITH ORDINALITY AS first (ends, number)
    LEFT JOIN ingest_position AS position ON position.topic = $1 AND position.part = first.number - 1
    WHERE ingest_topic.topic = $1
    """,
)


class PostgresTopics:
    """Topics as one connection sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of(self, name: str) -> KnownTopic | None:
        """The topic of this name."""
        row = await fetch_one(self._connection, TOPIC, name)
        return KnownTopic(row.topic, row.incarnation, tuple(row.first_ends)) if row else None

    async def behind(self, name: str) -> int | None:
        """How much of its past is not applied yet."""
        if await fetch_one(self._connection, TOPIC, name) is None:
            return None
        return await fetch_one(self._connection, BEHIND, name)

    async def meet(self, topic: KnownTopic) -> None:
        """Keeps it as it is now."""
        await execute(self._connection, MEET, topic.name, topic.incarnation, list(topic.ends))

    async def forget(self, name: str) -> None:
        """Forgets it with its positions."""
        await execute(self._connection, FORGET, name)
