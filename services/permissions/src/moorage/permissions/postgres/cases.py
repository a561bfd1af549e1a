"""Everything that a decision looks at, in one statement: one position of the database, and one round trip to it."""

from collections.abc import Mapping
from dataclasses import fields, make_dataclass, replace
from datetime import datetime
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Final, TypeVar

from moorage.access.action import Action
from moorage.access.principal import PrincipalKind
from moorage.permissions.cases import Case, Question, Seen
from moorage.permissions.postgres.freshness import FreshnessRow, freshness_in
from moorage.permissions.postgres.head import Head
from moorage.permissions.postgres.hierarchy import (
    EnvironmentRow,
    RepositoryRow,
    WorkspaceRow,
    environment_of,
    repositories_named,
    repository_of,
    workspace_named,
)
from moorage.permissions.postgres.images import ImageRow, image_named
from moorage.permissions.postgres.standings import StandingRow, standing_of
from moorage.permissions.postgres.texts import storable
from moorage.runtime.statement import Connection, Statement, fetch_plain

if TYPE_CHECKING:
    import asyncpg

Row = TypeVar("Row")
_USER, _CREDENTIAL, _MOMENT = "$3::uuid", "$4::uuid", "$5::timestamptz"
_STANDING: Final = standing_of(_USER, _CREDENTIAL, "space.id", _MOMENT, "ARRAY[image.repository, named.id]")
_FROM: Final = f"""
    FROM (SELECT) AS once
    LEFT JOIN LATERAL ({workspace_named("$1::text")}) AS space ON true
    LEFT JOIN LATERAL ({image_named("space.id", "$2::text")}) AS image ON true
    LEFT JOIN LATERAL ({repository_of("space.id", "$6::uuid")}) AS own ON true
    LEFT JOIN LATERAL (
        SELECT each.*, count(*) OVER () AS namesakes FROM ({repositories_named("space.id", "$7::text")}) AS each
    ) AS named ON named.namesakes = 1
    LEFT JOIN LATERAL ({environment_of("space.id", "$8::uuid")}) AS place ON place.state IN (1, 2)
    CROSS JOIN LATERAL ({_STANDING}) AS standing
"""  # noqa: S608 - constants
# `own` is a pipeline's repository, `named` the only one of a name.
_PARTS: Final[Mapping[str, type[Any]]] = {
    "space": WorkspaceRow,
    "image": ImageRow,
    "own": RepositoryRow,
    "named": RepositoryRow,
    "place": EnvironmentRow,
    "standing": StandingRow,
}
_WITH_AGE: Final[Mapping[str, type[Any]]] = {**_PARTS, "fresh": FreshnessRow, "head": Head}


def _row(parts: Mapping[str, type[Any]]) -> type[Any]:
    """The columns of several rows side by side, each named by its part."""
    columns = [(f"{part}_{each.name}", each.type) for part, row in parts.items() for each in fields(row)]
    return make_dataclass("Row", columns, frozen=True, slots=True)


def _columns(parts: Mapping[str, type[Any]]) -> str:
    return ", ".join(f"{part}.{each.name} AS {part}_{each.name}" for part, row in parts.items() for each in fields(row))


def _slices(parts: Mapping[str, type[Any]]) -> Mapping[str, slice]:
    ends = list(accumulate(len(fields(row)) for row in parts.values()))
    return {part: slice(*span) for part, span in zip(parts, pairwise([0, *ends]), strict=True)}


_SLICES: Final = _slices(_WITH_AGE)
CASE: Final[Statement[Any]] = Statement(_row(_PARTS), f"SELECT {_columns(_PARTS)} {_FROM}")
SEEN: Final[Statement[Any]] = Statement(
    _row(_WITH_AGE),
    f"""
    SELECT {_columns(_WITH_AGE)} {_FROM}
    CROSS JOIN meta AS head CROSS JOIN LATERAL ({freshness_in("space.id")}) AS fresh
    """,
)


class PostgresCases:
    """Cases as one connection sees them."""

    def __init__(self, connection: Connection, moment: datetime | None = None) -> None:
        self._connection = connection
        self._moment = moment

    async def of(self, question: Question) -> Case:
        """What is known of the question."""
        [found] = await fetch_plain(self._connection, CASE, *_arguments(question, self._moment))
        return _case(found, question)


async def see(connection: Connection, question: Question) -> Seen | None:
    """The same at the newest position; None in a schema without one."""
    for found in await fetch_plain(connection, SEEN, *_arguments(question, None)):
        case = _case(found, question)
        freshness = FreshnessRow(*found[_SLICES["fresh"]]).value(case.workspace)
        return Seen(Head(*found[_SLICES["head"]]).token(), case, freshness)
    return None


def _arguments(question: Question, moment: datetime | None) -> tuple[Any, ...]:
    identity, who = question.identity, question.identity.principal
    return (
        _text(question.workspace),
        _text(question.image),
        who.id if who.kind is PrincipalKind.USER else None,
        identity.credential,
        moment,
        question.own_repository,
        _text(question.repository_slug),
        identity.run.environment if identity.run else None,
    )


def _text(text: str | None) -> str | None:
    return text if text is not None and storable(text) else None


def _case(found: "asyncpg.Record", question: Question) -> Case:
    space, image = _part(found, "space", WorkspaceRow), _part(found, "image", ImageRow)
    own, named = _part(found, "own", RepositoryRow), _part(found, "named", RepositoryRow)
    place = _part(found, "place", EnvironmentRow)
    linked = own or named if question.action is Action.PUSH else None
    facts = StandingRow(*found[_SLICES["standing"]]).value(
        question.identity.principal, question.identity.credential, own.value() if own else None
    )
    return Case(
        space.value() if space else None,
        image.value() if image else None,
        linked.value() if linked else None,
        replace(facts, deploys_to=place.repository) if place else facts,
    )


def _part(found: "asyncpg.Record", part: str, row: type[Row]) -> Row | None:
    """One of the rows that stand side by side; None where it was not found: every table's id comes first."""
    columns = found[_SLICES[part]]
    return None if columns[0] is None else row(*columns)
