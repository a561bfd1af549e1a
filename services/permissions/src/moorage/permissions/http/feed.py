"""`GET /internal/v1/snapshot` and `/changes`: where replicas come from (authorization.md §2.4)."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from typing import Final
from uuid import UUID

from aiohttp import web
from msgspec.json import Encoder

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta, Frame
from moorage.access.problems import InputInvalid, PositionGone, ServiceUnavailable
from moorage.permissions.authority import LocalAuthority
from moorage.permissions.http.callers import GatewayGuard
from moorage.permissions.metrics import ProtocolNumbers

NDJSON: Final = "application/x-ndjson"
BLOCKED_SECONDS: Final = 5.0
_MOST_LINES: Final = 16
_encode: Final = Encoder().encode


class _Lines:
    """Frames as lines: a frame that many readers get is encoded once."""

    def __init__(self) -> None:
        self._encoded: OrderedDict[int, tuple[Frame, bytes]] = OrderedDict()

    def line(self, frame: Frame) -> bytes:
        """The frame as the wire has it."""
        known = self._encoded.get(id(frame))
        if known is not None and known[0] is frame:
            return known[1]
        line = _spelled(frame) + b"\n"
        if isinstance(frame, Delta):
            self._encoded[id(frame)] = frame, line
            if len(self._encoded) > _MOST_LINES:
                self._encoded.popitem(last=False)
        return line


class FeedRoutes:
    """The routes of replicas."""

    def __init__(
        self,
        authority: LocalAuthority,
        guard: GatewayGuard,
        numbers: ProtocolNumbers,
        blocked_seconds: float = BLOCKED_SECONDS,
    ) -> None:
        self._authority = authority
        self._guard = guard
        self._numbers = numbers
        self._blocked_seconds = blocked_seconds
        self._lines = _Lines()
        self._streams: set[asyncio.Task[object]] = set()

    async def snapshot(self, request: web.Request) -> web.Response:
        """`?workspace=`, or the global part, packed, at `?at_least=` or later (by default at head)."""
        self._guard.admit(request)
        wanted = request.query.get("at_least")
        at_least = _position(wanted) if wanted is not None else None
        file = await self._authority.snapshot_file(_workspace(request.query.get("workspace")), at_least)
        return web.Response(body=file, content_type="application/octet-stream", headers={"Cache-Control": "no-store"})

    async def digest(self, request: web.Request) -> web.Response:
        """The sum over what replicas hold of `?workspace=`, and the position it is of."""
        self._guard.admit(request)
        workspace = _workspace(request.query.get("workspace", ""))
        if workspace is None:
            raise InputInvalid("workspace is a UUID")
        found = await self._authority.sum(workspace)
        return web.Response(
            text=found.model_dump_json(), content_type="application/json", headers={"Cache-Control": "no-store"}
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
        self._numbers.readers.set(len(self._streams))
        try:
            yield
        finally:
            self._streams.discard(task)
            self._numbers.readers.set(len(self._streams))

    async def _stream(self, request: web.Request, after: ConsistencyToken) -> web.StreamResponse:
        async with aclosing(self._authority.changes(after)) as frames:
            # Refusals come before the first frame, while they can still be the answer.
            first = await anext(frames)
            response = web.StreamResponse(headers={"Content-Type": NDJSON, "Cache-Control": "no-store"})
            await response.prepare(request)
            try:
                await self._write(response, first)
                async for frame in frames:
                    await self._write(response, frame)
            except TimeoutError:
                self._numbers.dropped.inc()
                request.protocol.force_close()
            except (ConnectionError, ServiceUnavailable, PositionGone):
                # The reader resumes by position, here or elsewhere.
                request.protocol.force_close()
            return response

    async def _write(self, response: web.StreamResponse, frame: Frame) -> None:
        """Hands a frame to the network. Raises TimeoutError if the reader leaves it there for too long."""
        async with asyncio.timeout(self._blocked_seconds):
            await response.write(self._lines.line(frame))


def _spelled(frame: Frame) -> bytes:
    """Rows are plain numbers and JSON: to spell them out by the model takes seven times as long."""
    if not isinstance(frame, Delta):
        return frame.model_dump_json(by_alias=True).encode()
    return _encode(frame.model_dump(by_alias=True, exclude={"rows"}) | {"c": frame.rows})


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
        raise InputInvalid("a position is <epoch>.<seq>")
    return ConsistencyToken(int(epoch), int(seq))
