"""The address that clients are given: all goes on to the registry and is written down, and tokens die.

A token dies at a word of the test: from then on the registry is shown one with the same claims whose time is over.
Whoever holds the token notices nothing until the registry refuses it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from clients.aging import LEEWAY_SECONDS, LIFE_SECONDS, Aging

_HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "expect"})
_UPLOADS: Final = "/blobs/uploads/"
_AMID: Final = 64 * 1024
"""Bytes of a blob: configurations are smaller, layers are not."""
_GRACE_SECONDS: Final = 3.0
"""A token that comes too late is taken by some for a clock that is wrong, so it gets this much time for the way."""


@dataclass(frozen=True)
class Passed:
    """One request that went through, and how it was answered. `bearer` is the token that the client sent, or empty."""

    method: str
    path: str
    status: int
    bearer: str = field(repr=False)


class Door:
    """One address before a registry. Give it to clients, and read `passed` afterwards."""

    def __init__(self, registry: str, secrets: Path) -> None:
        self._registry = registry
        self._aging = Aging(secrets)
        self._session: aiohttp.ClientSession | None = None
        self._shown: set[str] = set()
        self._dead: dict[str, str] = {}
        self._last_path: str | None = None
        self._amid_upload: Callable[[], Awaitable[None]] | None = None
        self._left: float | None = None
        self.passed: list[Passed] = []
        self.upload = ""
        """The path of the upload amid which something was done."""

    def shorten_tokens(self, margin: float) -> None:
        """Tokens say from now on that they were issued so long ago that a client with this margin renews them soon."""
        self._left = margin + _GRACE_SECONDS if margin else 0

    def tokens_die_after(self, part: str) -> None:
        """The token of the first request with `part` in its path dies once that is answered."""
        self._last_path = part

    def token_dies_amid_upload(self) -> None:
        """The token that a layer comes with dies when half of the layer is still to come."""
        self._amid_upload = self._let_tokens_die

    def amid_upload(self, act: Callable[[], Awaitable[None]]) -> None:
        """Does this once, when a layer's first bytes are on their way to the registry and others still to come."""
        self._amid_upload = act

    @property
    def dead(self) -> int:
        """How many tokens died."""
        return len(self._dead)

    def seen(self, method: str, part: str) -> list[Passed]:
        """Those of this method with `part` in their path, in order."""
        return [one for one in self.passed if one.method == method and part in one.path]

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        """One request, with its body and its answer streamed."""
        assert self._session
        bearer = _bearer_of(request)
        self._shown |= {bearer} - {""}
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP]
        if bearer in self._dead:
            headers = [(n, v) for n, v in headers if n.lower() != "authorization"]
            headers.append(("Authorization", f"Bearer {self._dead[bearer]}"))
        body = self._body(request) if request.can_read_body else None
        url = f"{self._registry}{request.raw_path}"
        async with self._session.request(
            request.method, url, headers=headers, data=body, allow_redirects=False
        ) as answer:
            self.passed.append(Passed(request.method, request.raw_path, answer.status, bearer))
            if bearer and self._last_path and self._last_path in request.path:
                self._last_path = None
                await self._let_tokens_die()
            return await self._answer(request, answer)

    async def _body(self, request: web.Request) -> AsyncIterator[bytes]:
        sent = 0
        async for piece in request.content.iter_any():
            sent += len(piece)
            if self._amid_upload and sent >= _AMID and _UPLOADS in request.path:
                act, self._amid_upload = self._amid_upload, None
                self.upload = request.raw_path.partition("?")[0]
                yield piece[: len(piece) // 2]
                await act()
                piece = piece[len(piece) // 2 :]
            yield piece

    async def _let_tokens_die(self) -> None:
        if self._left:  # the client's own clock has to get there, and nobody can move it
            await asyncio.sleep(_GRACE_SECONDS)
        self._dead |= {bearer: self._aging.by(bearer, LIFE_SECONDS + LEEWAY_SECONDS + 1) for bearer in self._shown}

    async def _answer(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP]
        if request.path == "/token" and answer.status == 200 and self._left is not None:
            return web.json_response(_long_ago(await answer.json(), self._left))
        sent = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
        await sent.prepare(request)
        async for piece in answer.content.iter_any():
            await sent.write(piece)
        await sent.write_eof()
        return sent


@asynccontextmanager
async def open_door(registry: str, secrets: Path, port: int) -> AsyncIterator[Door]:
    """The door at this port of loopback, until the context ends."""
    door = Door(registry, secrets)
    app = web.Application(client_max_size=0)
    app.router.add_route("*", "/{path:.*}", door.pass_on)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        door._session = session
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            yield door
        finally:
            await runner.cleanup()


def _bearer_of(request: web.Request) -> str:
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    return text if kind.lower() == "bearer" else ""


def _long_ago(answer: dict[str, Any], left: float) -> dict[str, Any]:
    """A token's answer, as it was when the token had these seconds left."""
    issued = datetime.now(UTC) - timedelta(seconds=LIFE_SECONDS - left)
    return {**answer, "issued_at": issued.isoformat()}
