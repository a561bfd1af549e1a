"""Dead letters, to be looked at by the operator."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from moorage.permissions.reconcile_stores import Letter
from moorage.runtime.statement import Connection, Statement, fetch_all, fetch_one

PAGE: Final = Statement(
    Letter,
    """
    SELECT letter.id, source.name AS source, letter.topic, letter.part, letter.pos, alias.ext AS workspace, letter.key,
           letter.reason, letter.detail, letter.body, letter.at, letter.since, held.holds
    FROM dead_letter AS letter LEFT JOIN source ON source.id = letter.source LEFT JOIN alias ON alias.id = letter.ws,
    LATERAL (SELECT EXISTS (SELECT FROM workspace_pin AS pin WHERE pin.dead_letter = letter.id
                            OR (pin.ws = letter.ws AND pin.key = letter.key))
                 OR EXISTS (SELECT FROM lane_pin WHERE lane_pin.dead_letter = letter.id) AS holds) AS held
    WHERE letter.id > $1 AND (held.holds OR NOT $3) ORDER BY letter.id LIMIT $2
    """,
)
LETTER: Final = Statement(
    Letter,
    """
    SELECT letter.id, source.name AS source, letter.topic, letter.part, letter.pos, alias.ext AS workspace, letter.key,
           letter.reason, letter.detail, letter.body, letter.at, letter.since, held.holds
    FROM dead_letter AS letter LEFT JOIN source ON source.id = letter.source LEFT JOIN alias ON alias.id = letter.ws,
    LATERAL (SELECT EXISTS (SELECT FROM workspace_pin AS pin WHERE pin.dead_letter = letter.id
                            OR (pin.ws = letter.ws AND pin.key = letter.key))
                 OR EXISTS (SELECT FROM lane_pin WHERE lane_pin.dead_letter = letter.id) AS holds) AS held
    WHERE letter.id = $1
    """,
)


@dataclass(frozen=True, slots=True)
class Pins:
    """How many are held."""

    workspaces: int
    lanes: int


PINS: Final = Statement(
    Pins,
    """
    SELECT (SELECT count(DISTINCT ws)::int FROM workspace_pin) AS workspaces,
           (SELECT count(DISTINCT (source, topic, part))::int FROM lane_pin) AS lanes
    """,
)


class PostgresLetters:
    """Letters as one view sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def page(self, after: int, limit: int, holding_only: bool) -> Sequence[Letter]:
        """Letters by id."""
        return await fetch_all(self._connection, PAGE, after, limit, holding_only)

    async def by_id(self, id: int) -> Letter | None:
        """The letter with this id."""
        return await fetch_one(self._connection, LETTER, id)

    async def pins(self) -> tuple[int, int]:
        """How many workspaces and lanes are held."""
        row = await fetch_one(self._connection, PINS)
        return (row.workspaces, row.lanes) if row else (0, 0)
