"""What every handler works with."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from aiohttp import web

from moorage.distribution.content import Content
from moorage.distribution.gate import Gate
from moorage.distribution.server.limits import Limits

LARGE_AT_ONCE: Final = 1  # the interpreter would not read two of them faster than one after the other
LARGE_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Registry:
    """Who decides, what answers, and how much is too much."""

    gate: Gate
    content: Content
    limits: Limits = field(default_factory=Limits)
    large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LARGE_AT_ONCE))
    """Held while a large manifest is read as JSON: dozens of them at a time would fill the memory (R132, R142)."""


P = TypeVar("P")
Handler = Callable[[Registry, web.Request, P], Awaitable[web.StreamResponse]]
Methods = Mapping[str, Handler[P]]
"""The methods of one resource, by name, in the order that `Allow` lists them."""
