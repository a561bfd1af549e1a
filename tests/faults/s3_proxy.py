"""A proxy in front of an S3 store that answers badly, by the dice of a seed."""

import asyncio
import io
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from typing import Final

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

_ERROR: Final = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{}</Code><Message>again</Message></Error>'
_HOP: Final = ("Connection", "Transfer-Encoding", "Content-Length", "Expect", "Keep-Alive")


class Fault(Enum):
    """What goes wrong. Some before the store hears of the request, some after it has answered."""

    ERROR = "500 InternalError"
    SLOW_DOWN = "503 SlowDown"
    STALL = "no answer at all"
    CUT_REQUEST = "the connection ends while the body is sent"
    LOST_ANSWER = "done, and the connection ends before the answer"
    ERROR_AFTER = "done, and 500 all the same"
    CUT_ANSWER = "the body of the answer ends early"
    ERROR_IN_200 = "a completion fails inside a 200, and was not done"
    DONE_ERROR_IN_200 = "the same, and it was done"


class FaultyS3:
    """Counts in `faults` what it did. Nothing goes wrong while `rate` is 0, but for `next_completions`."""

    def __init__(self, target: int, seed: int) -> None:
        self._target = URL(f"http://127.0.0.1:{target}")
        self._dice = random.Random(seed)
        self.faults: Counter[Fault] = Counter()
        self.rate = 0.0
        self.next_completions: list[Fault] = []
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request, well or badly."""
        fault = self._fault(request)
        if fault is Fault.STALL:
            await asyncio.sleep(60)  # whoever asks has given up long before, and its connection ends this
        if fault is Fault.CUT_REQUEST:
            await request.content.readany()
            return _cut(request)
        body = await request.read()
        match fault:
            case Fault.ERROR:
                return web.Response(status=500, text=_ERROR.format("InternalError"))
            case Fault.SLOW_DOWN:
                return web.Response(status=503, text=_ERROR.format("SlowDown"))
            case Fault.ERROR_IN_200:
                return web.Response(text=_ERROR.format("InternalError"))
        return await self._forward(request, body, fault)

    async def _forward(self, request: web.Request, body: bytes, fault: Fault | None) -> web.StreamResponse:
        headers = CIMultiDict((name, value) for name, value in request.headers.items() if name not in _HOP)
        url = self._target.join(URL(request.raw_path, encoded=True))
        async with (
            aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=("Content-Type",)) as session,
            session.request(request.method, url, headers=headers, data=io.BytesIO(body)) as far,
        ):
            content = await far.read()
        kept = CIMultiDict((name, value) for name, value in far.headers.items() if name not in _HOP)
        match fault:
            case Fault.LOST_ANSWER:
                return _cut(request)
            case Fault.ERROR_AFTER:
                return web.Response(status=500, text=_ERROR.format("InternalError"))
            case Fault.DONE_ERROR_IN_200:
                return web.Response(text=_ERROR.format("InternalError"))
            case Fault.CUT_ANSWER:
                return await _half(request, far.status, kept, content)
        if request.method == "HEAD":
            kept["Content-Length"] = far.headers.get("Content-Length", "0")
            return web.Response(status=far.status, headers=kept)
        return web.Response(status=far.status, headers=kept, body=content)

    def _fault(self, request: web.Request) -> Fault | None:
        is_completion = request.method == "POST" and "uploadId" in request.query
        if is_completion and self.next_completions:
            fault = self.next_completions.pop()
        elif self._dice.random() < self.rate:
            fault = self._thrown(request.method, is_completion=is_completion)
        else:
            return None
        self.faults[fault] += 1
        return fault

    def _thrown(self, method: str, *, is_completion: bool) -> Fault:
        possible = [Fault.ERROR, Fault.SLOW_DOWN, Fault.LOST_ANSWER, Fault.ERROR_AFTER]
        if method == "PUT":
            possible.append(Fault.CUT_REQUEST)
        if method == "GET":
            possible.append(Fault.CUT_ANSWER)
        if is_completion:
            possible += [Fault.ERROR_IN_200, Fault.DONE_ERROR_IN_200] * 3
        return self._dice.choice([Fault.STALL] if self._dice.random() < 0.1 else possible)


def _cut(request: web.Request) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response()


async def _half(request: web.Request, status: int, headers: CIMultiDict[str], content: bytes) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = len(content)
    await response.prepare(request)
    await response.write(content[: len(content) // 2])
    _cut(request)
    return response


@asynccontextmanager
async def faulty_s3(target: int, seed: int) -> AsyncIterator[FaultyS3]:
    """A proxy in front of the store on that port."""
    proxy = FaultyS3(target, seed)
    app = web.Application(client_max_size=2**30)
    app.router.add_route("*", "/{path:.*}", proxy.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    proxy.port = runner.addresses[0][1]
    try:
        yield proxy
    finally:
        await runner.cleanup()
