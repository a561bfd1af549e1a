"""An operation of the management API is declared once, at its handler: the routes and the OpenAPI document follow.

The decorator says what a signature can't: method, path, id, the right needed, the refusals. The signature says the
rest: `who` asks, the members of the path by their names, `query` and `body` as models, and what is answered.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar, get_args, get_type_hints
from uuid import UUID

from pydantic import BaseModel

from moorage.access.problems import (
    CredentialUnknown,
    InputInvalid,
    NotFound,
    Problem,
    ServiceUnavailable,
    TooManyRequests,
)
from moorage.access.wire import Changed
from moorage.gateway.http.management.problems import BODY_PROBLEMS

Content = TypeVar("Content", bound=BaseModel | None, covariant=True)
Declared = TypeVar("Declared", bound=Callable[..., Awaitable["Reply[Any]"]])
PathMember = type[UUID] | type[str]
ROOT: Final = "/api/v1"
_MARK: Final = "moorage_operation"
_EVERYWHERE: Final = (CredentialUnknown, InputInvalid, TooManyRequests, ServiceUnavailable)


@dataclass(frozen=True, slots=True)
class Reply(Generic[Content]):
    """What a handler answers: the body, None for 204, and the headers that are its own."""

    body: Content
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """What is known of an operation before it is asked for. `anonymous` ones answer nobody as well."""

    method: str
    path: str
    id: str
    needs: str
    status: int
    anonymous: bool
    summary: str
    description: str
    members: Mapping[str, PathMember]
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    answer: type[BaseModel] | None
    problems: tuple[type[Problem], ...]
    headers: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether it answers with the position of what it changed, and can wait for all gateways."""
        return self.method != "GET" and (self.answer is None or issubclass(self.answer, Changed))

    @property
    def paged(self) -> bool:
        """Whether it answers page by page, with a link to the next."""
        return self.query is not None and "cursor" in self.query.model_fields


def operation(
    method: str,
    path: str,
    id: str,
    *,
    needs: str,
    status: int = 200,
    anonymous: bool = False,
    problems: tuple[type[Problem], ...] = (),
    headers: tuple[str, ...] = (),
) -> Callable[[Declared], Declared]:
    """Declares a handler. `problems` and `headers` are those that the rest of the declaration does not imply."""

    def declare(handler: Declared) -> Declared:
        summary, _, description = (inspect.getdoc(handler) or "").partition("\n")
        hints = get_type_hints(handler)
        (answer,) = get_args(hints.pop("return"))
        del hints["who"]
        query, body = hints.pop("query", None), hints.pop("body", None)
        if set(hints) != set(re.findall(r"{(\w+)}", path)):
            raise TypeError(f"{id} takes {sorted(hints)}, and its path is {path}")
        implied = (*_EVERYWHERE, *(BODY_PROBLEMS if body else ()), *((NotFound,) if hints else ()))
        vars(handler)[_MARK] = Operation(
            method=method,
            path=path,
            id=id,
            needs=needs,
            status=status,
            anonymous=anonymous,
            summary=summary.removesuffix("."),
            description=description.strip(),
            members=hints,
            query=query,
            body=body,
            answer=answer if answer is not type(None) else None,
            problems=tuple(sorted({*implied, *problems}, key=lambda kind: (kind.status, kind.slug))),
            headers=headers,
        )
        return handler

    return declare


def operations_of(resource: type) -> Iterator[tuple[str, Operation]]:
    """The operations of a resource with the names of their handlers, in the order of the source."""
    for name, member in vars(resource).items():
        if declared := getattr(member, "__dict__", {}).get(_MARK):
            yield name, declared
