"""What every handler works with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web

from moorage.distribution.content import Content
from moorage.distribution.gate import Gate
from moorage.distribution.server.limits import Limits


@dataclass(frozen=True, slots=True)
class Registry:
    """Who decides, what answers, and how much is too much."""

    gate: Gate
    content: Content
    limits: Limits = field(default_factory=Limits)


P = TypeVar("P")
Handler = Callable[[Registry, web.Request, P], Awaitable[web.StreamResponse]]
Methods = Mapping[str, Handler[P]]
"""The methods of one resource, by name, in the order that `Allow` lists them."""
