"""Everything that decisions look at, in one statement: one position of the database, and one round trip to it."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, make_dataclass, replace
from datetime import datetime
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Final, TypeVar

from moorage.access.action import Action
from moorage.access.principal import PrincipalKind
from moorage.permissions.cases import Case, Question, Seen
from moorage.permissions.freshness import Freshness
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
from moorage.permissions.records import Workspace
from moorage.runtime.statement import Connection, Statement, fetch_plain

if TYPE_CHECKING:
    import asyncpg

Row = TypeVar("Row")
_ASKED: Final[Mapping[str, str]] = {
    "workspace": "text",
    "image": "text",
    "usr": "uuid",
    "credential": "uuid",
    "own": "uuid",
    "slug": "text",
    "environment": "uuid",
}
"""The arguments of a question, with their types."""


def _from(asked: str, moment: str) -> str:
    standing = standing_of("asked.usr", "asked.credential", "space.id", moment, "ARRAY[image.repository, named.id]")
    return f"""
    FROM {asked}
    LEFT JOIN LATERAL ({workspace_named("asked.workspace")}) AS space ON true
    LEFT JOIN LATERAL ({image_named("space.id", "asked.image")}) AS image ON true
    LEFT JOIN LATERAL ({repository_of("space.id", "asked.own")}) AS own ON true
    LEFT JOIN LATERAL (
        SELECT each.*, count(*) OVER () AS namesakes FROM ({repositories_named("space.id", "asked.slug")}) AS each
    ) AS named ON named.namesakes = 1
    LEFT JOIN LATERAL ({environment_of("space.id", "asked.environment")}) AS place ON place.state IN (1, 2)
    CROSS JOIN LATERAL ({standing}) AS standing
    """  # noqa: S608 - constants


def _one() -> str:
    said = ", ".join(f"${n}::{kind} AS {name}" for n, (name, kind) in enumerate(_ASKED.items(), 1))
    return f"(SELECT {said}) AS asked"


def _many() -> str:
    lists = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(_ASKED.values(), 1))
    return f"unnest({lists}) WITH ORDINALITY AS asked ({', '.join(_ASKED)}, n)"


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
CASE: Final[Statement[Any]] = Statement(
    _row(_PARTS),
    f"SELECT {_columns(_PARTS)} {_from(_one(), f'${len(_ASKED) + 1}::timestamptz')}",
)
# Lanes and sources are the same for all that is asked: only the first row has them.
SEEN: Final[Statement[Any]] = Statement(
    _row(_WITH_AGE),
    f"""
    SELECT {_columns(_WITH_AGE)} {_from(_many(), "NULL::timestamptz")}
    CROSS JOIN meta AS head CROSS JOIN LATERAL (
        SELECT CASE WHEN asked.n = 1 THEN lanes END AS lanes, CASE WHEN asked.n = 1 THEN sources END AS sources,
               feeders, pinned FROM ({freshness_in("space.id")}) AS found
    ) AS fresh
    ORDER BY asked.n
    """,  # noqa: S608 - constants
)


class PostgresCases:
    """Cases as one connection sees them."""

    def __init__(self, connection: Connection, moment: datetime | None = None) -> None:
        self._connection = connection
        self._moment = moment

    async def of(self, question: Question) -> Case:
        """What is known of the question."""
        [found] = await fetch_plain(self._connection, CASE, *_arguments(question), self._moment)
        return _case(found, question)


async def see(connection: Connection, questions: Sequence[Question]) -> Sequence[Seen]:
    """The same of several at the newest position, in their order; nothing in a schema without one."""
    columns = map(list, zip(*map(_arguments, questions), strict=True))
    found = await fetch_plain(connection, SEEN, *columns)
    ages, seen = _Ages(found[0] if found else None), list[Seen]()
    for row, question in zip(found, questions, strict=False):
        case = _case(row, question)
        seen.append(Seen(Head(*row[_SLICES["head"]]).token(), case, ages.of(row, case.workspace)))
    return seen


class _Ages:
    """How fresh workspaces are that were seen together: each is judged once."""

    def __init__(self, first: "asyncpg.Record | None") -> None:
        self._shared = first[_SLICES["fresh"]][:2] if first else ()
        self._known: dict[int | None, Freshness] = {}

    def of(self, row: "asyncpg.Record", workspace: Workspace | None) -> Freshness:
        of = workspace.alias if workspace else None
        if of not in self._known:
            self._known[of] = FreshnessRow(*self._shared, *row[_SLICES["fresh"]][2:]).value(workspace)
        return self._known[of]


def _arguments(question: Question) -> tuple[Any, ...]:
    identity, who = question.identity, question.identity.principal
    return (
        _text(question.workspace),
        _text(question.image),
        who.id if who.kind is PrincipalKind.USER else None,
        identity.credential,
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
