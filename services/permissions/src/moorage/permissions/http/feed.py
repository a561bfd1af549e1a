"""`GET /internal/v1/snapshot` and `/changes`: where replicas come from (authorization.md §2.4)."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from typing import Final
from uuid import UUID

from aiohttp import web

from moorage.access.consistency import ConsistencyToken
from moorage.access.problems import InputInvalid, ServiceUnavailable
from moorage.permissions.authority import LocalAuthority
from moorage.permissions.http.callers import GatewayGuard

NDJSON: Final = "application/x-ndjson"


class FeedRoutes:
    """The routes of replicas."""

    def __init__(self, authority: LocalAuthority, guard: GatewayGuard) -> None:
        self._authority = authority
        self._guard = guard
        self._streams: set[asyncio.Task[object]] = set()

    async def snapshot(self, request: web.Request) -> web.Response:
        """The rows of `?workspace=`, or of the global part."""
        self._guard.admit(request)
        found = await self._authority.snapshot(_workspace(request.query.get("workspace")))
        return web.Response(
            text=found.model_dump_json(by_alias=True),
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    async def changes(self, request: web.Request) -> web.StreamResponse:
        """Frames after `?after=`, one per line, until the reader goes away or the database does."""
        self._guard.admit(request)
        after = _position(request.query.get("after", ""))
        with self._open():
            return await self._stream(request, after)

    async def end_streams(self, _app: web.Application) -> None:
        """When the server stops: streams never end by themselves; their readers resume elsewhere."""
        for task in self._streams:
            task.cancel()

    @contextmanager
    def _open(self) -> Iterator[None]:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request is handled in a task")
        self._streams.add(task)
        try:
            yield
        finally:
            self._streams.discard(task)

    async def _stream(self, request: web.Request, after: ConsistencyToken) -> web.StreamResponse:
        async with aclosing(self._authority.changes(after)) as frames:
            # Refusals come before the first frame, while they can still be the answer.
            first = await anext(frames)
            response = web.StreamResponse(headers={"Content-Type": NDJSON, "Cache-Control": "no-store"})
            await response.prepare(request)
            try:
                await response.write(first.model_dump_json(by_alias=True).encode() + b"\n")
                async for frame in frames:
                    await response.write(frame.model_dump_json(by_alias=True).encode() + b"\n")
            except (ConnectionError, ServiceUnavailable):
                # The reader resumes by position, here or elsewhere.
                request.protocol.force_close()
            return response


def _workspace(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text is not None else None
    except ValueError:
        raise InputInvalid("workspace is a UUID") from None


def _position(text: str) -> ConsistencyToken:
    try:
        return ConsistencyToken.parse(text)
    except ValueError:
        pass
    epoch, _, seq = text.partition(".")
    if not (epoch.isascii() and epoch.isdigit() and seq.isascii() and seq.isdigit() and len(text) < 40):
        raise InputInvalid("after is <epoch>.<seq>")
    return ConsistencyToken(int(epoch), int(seq))
