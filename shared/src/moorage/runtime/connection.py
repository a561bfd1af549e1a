"""Connections with what aiohttp leaves open (R135): deadlines of a request's head and of who takes no answer, errors.

Whoever reads nothing of an answer would keep its connection, and what lies there for it, for as long as it likes.
"""

import asyncio
from functools import partial
from typing import Any, Final

from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.http import HttpRequestParser
from aiohttp.http_exceptions import BadHttpMessage, HttpProcessingError, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from moorage.runtime.chunked import Chunks, ChunksMalformed
from moorage.runtime.diversion import Diversion, Framing, Length
from moorage.runtime.http import SERVER, refusal
from moorage.runtime.metrics import HttpMetrics

MAX_LINE_BYTES: Final = 8 * 1024
MAX_FIELD_BYTES: Final = 64 * 1024
HEADER_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 60.0
_END_OF_HEAD: Final = b"\r\n\r\n"
DIVERTED_BYTES: Final = 256 * 1024
"""A body of which so much is to come goes past the parser, if who reads it asks for that."""
DIVERTED_CHUNKED_BYTES: Final = 64 * 1024
"""One whose length nobody knows does when so much of it has come."""
_FOLLOWED_BYTES: Final = 4 * 1024 * 1024
_CLIENT_GONE: Final = 499
_VERSIONS: Final = (HttpVersion10, HttpVersion11)


class Connection(RequestHandler):
    """One connection. It is closed if a request's head is not complete HEADER_SECONDS after its first byte.

    A head may begin behind a request that is still being answered: that one gets its answer before. It is cut if an
    answer waits to be taken and no byte of it is for IDLE_SECONDS; the handler meets a ConnectionError.
    """

    __slots__ = (
        "_body",
        "_chunks",
        "_counted",
        "_deadline",
        "_ending",
        "_header_seconds",
        "_idle_seconds",
        "_listener",
        "_metrics",
        "_untaken",
    )

    def __init__(
        self,
        *args: Any,
        listener: str,
        metrics: HttpMetrics,
        header_seconds: float,
        idle_seconds: float = IDLE_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._listener = listener
        self._metrics = metrics
        self._header_seconds = header_seconds
        self._idle_seconds = idle_seconds
        self._deadline: asyncio.TimerHandle | None = None
        self._untaken: asyncio.TimerHandle | None = None
        self._counted = 0
        self._body: StreamReader = EMPTY_PAYLOAD
        self._ending = b""
        self._chunks: Chunks | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection that never says anything is closed as well."""
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        """A complete head stops the clock, the first byte of one starts it; a body has its own clock.

        Whatever comes once a body has ended is the next request's head, whoever waits for it already.
        """
        in_head, begins_a_head = self._body.is_eof(), self._stands_before_a_head(data)
        if self._chunks is not None:
            self._follow(data)
        super().data_received(data)
        self._ending = (self._ending + data[-len(_END_OF_HEAD) :])[-len(_END_OF_HEAD) :]
        if self._request_count != self._counted and self._messages:
            self._body, self._chunks = self._messages[-1][1], None
            if begins_a_head and self._request_count == self._counted + 1:
                self._follow_chunks(data)
        self._refuse_other_versions()
        self._break_off_malformed_body()
        if self._request_count != self._counted:
            self._disarm()
            self._counted = self._request_count
            in_head = self._body is EMPTY_PAYLOAD and self._ending != _END_OF_HEAD
        if in_head and self._deadline is None and not self._buffer_paused:
            self._arm()

    def pause_writing(self) -> None:
        """The client takes less than it is sent: from here on it has to take something."""
        super().pause_writing()
        self._expect_progress()

    def resume_writing(self) -> None:
        """It has taken most of what there was."""
        self._expect_nothing()
        super().resume_writing()

    def divert(self, request: web.BaseRequest) -> Diversion | None:
        """The rest of the request's body past the parser, if it is large and what was parsed of it has been read."""
        transport, body = self.transport, request.content
        if transport is None or transport.is_closing() or request is not self._current_request or self._messages:
            return None
        if body.is_eof() or body._size or self._reading_paused or self._buffer_paused or self._upgraded:
            return None
        framing = self._framing(request)
        if framing is None:
            return None
        self._chunks = None
        return Diversion(transport, self, framing, partial(self._take_back, body))

    def connection_lost(self, exc: BaseException | None) -> None:
        """See asyncio.Protocol."""
        self._disarm()
        self._expect_nothing()
        super().connection_lost(exc)

    async def shutdown(self, timeout: float | None = 15.0) -> None:
        """See aiohttp, which would wait twice as long for a handler that reads no body of aiohttp's making (R160)."""
        try:
            async with asyncio.timeout(timeout):
                await super().shutdown(timeout)
        except TimeoutError:
            if self._task_handler is not None:
                self._task_handler.cancel()
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What a handler let through. The client's faults are answered in the form of all our errors, and counted.

        They are not worth a traceback, nor is a client that left.
        """
        response = self._of_client(exc) or super().handle_error(request, status, exc, message)
        response.headers["Server"] = SERVER
        return response

    def _of_client(self, exc: BaseException | None) -> web.StreamResponse | None:
        match exc:
            case HttpProcessingError():
                self._metrics.malformed(self._listener)
                return refusal(*_refusal(exc))
            case web.RequestPayloadError():
                return refusal(400, "the body does not end where its framing says")
            case ConnectionError() if self.transport is None:
                return web.Response(status=_CLIENT_GONE)
        return None

    def _refuse_other_versions(self) -> None:
        """The parser takes HTTP/0.9 and 2.0 in this form too, and the answer would claim to be one of those."""
        for at, (message, _) in enumerate(self._messages):
            if not isinstance(message, _ErrInfo) and message.version not in _VERSIONS:
                fault = BadHttpMessage("another version of HTTP")
                self._messages[at] = (_ErrInfo(status=400, exc=fault, message=""), EMPTY_PAYLOAD)

    def _break_off_malformed_body(self) -> None:
        """Tells whoever reads a body that its framing broke; aiohttp only puts the fault in line behind the request."""
        if not (self._messages and isinstance(self._messages[-1][0], _ErrInfo)):
            return
        bodies = [self._current_request.content] if self._current_request is not None else []
        bodies += [body for _, body in self._messages]
        for body in bodies:
            if not body.is_eof():
                self._metrics.malformed(self._listener)
                body.set_exception(web.RequestPayloadError("the body's framing is broken"))
                body.feed_eof()
                self.close()

    def _expect_progress(self) -> None:
        assert self.transport is not None
        left = self.transport.get_write_buffer_size()
        self._untaken = self._loop.call_later(self._idle_seconds, self._look_for_progress, left)

    def _look_for_progress(self, before: int) -> None:
        if self.transport is None:
            return
        if self.transport.get_write_buffer_size() < before:
            self._expect_progress()
        else:
            self.transport.abort()

    def _expect_nothing(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None

    def _stands_before_a_head(self, data: bytes) -> bool:
        """Whether the next head begins or goes on with `data`, and its empty line is whole if it ends there."""
        is_parsed = self._body.is_eof() and not (self._messages or self._reading_paused or self._buffer_paused)
        return is_parsed and data[:1] not in (b"", b"\r", b"\n")

    def _follow_chunks(self, data: bytes) -> None:
        """Begins to count what the parser does not tell: where in its chunks a body stands."""
        message = self._messages[-1][0]
        if not isinstance(message, _ErrInfo) and message.chunked and not self._body.is_eof():
            self._chunks = Chunks()
            self._follow(data[data.index(b"\r\n\r\n") + 4 :])

    def _follow(self, data: bytes) -> None:
        assert self._chunks is not None
        try:
            self._chunks.decode(memoryview(bytearray(data)))
        except ChunksMalformed:  # which the parser tells the client
            self._chunks = None
        else:
            if self._chunks.is_finished or self._chunks.decoded > _FOLLOWED_BYTES:
                self._chunks = None

    def _framing(self, request: web.BaseRequest) -> Framing | None:
        """None for what is not worth a diversion, or where the parser and we do not see the same bytes."""
        received, chunks = request.content.total_bytes, self._chunks
        if request.content_length is not None:
            left = request.content_length - received
            return Length(left) if left >= DIVERTED_BYTES else None
        return chunks if chunks is not None and chunks.decoded == received >= DIVERTED_CHUNKED_BYTES else None

    def _take_back(self, body: StreamReader, behind: bytes | None) -> None:
        """The parser still waits for the body, so the next request gets a new one."""
        if behind is None:
            self._metrics.malformed(self._listener)
            body.set_exception(web.RequestPayloadError("the body's framing is broken"))
            body.feed_eof()
            self.close()
            return
        self._parser = self._new_parser()
        body.feed_eof()
        if behind:
            self.data_received(behind)
        if not (self._reading_paused or self._buffer_paused):
            self._resume_transport_reading()

    def _new_parser(self) -> HttpRequestParser:
        """As aiohttp makes it for a new connection."""
        return HttpRequestParser(
            self,
            self._loop,
            self._read_bufsize,
            max_line_size=self.max_line_size,
            max_field_size=self.max_field_size,
            max_headers=self.max_headers,
            payload_exception=web.RequestPayloadError,
            auto_decompress=False,
            max_msg_queue_size=self._max_msg_queue_size,
        )

    def _arm(self) -> None:
        self._deadline = self._loop.call_later(self._header_seconds, self._give_up)

    def _give_up(self) -> None:
        """Reads no further; what was asked before is answered."""
        answering = self._current_request is not None or self._messages
        (self.close if answering else self.force_close)()

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _refusal(error: HttpProcessingError) -> tuple[int, str]:
    if isinstance(error, LineTooLong):
        if error.args[1] == MAX_LINE_BYTES:
            return 414, f"a request target has at most {MAX_LINE_BYTES} bytes"
        return 431, f"a header has at most {MAX_FIELD_BYTES} bytes"
    if "too many headers" in str(error.message).lower():
        return 431, "the request has too many headers"
    return 400, "this is not a well-formed HTTP/1.1 request"


class Server(web.Server):
    """Makes Connections."""

    def __init__(self, *args: Any, connection: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connection = connection

    def __call__(self) -> Connection:
        """One per accepted connection."""
        return Connection(self, loop=self._loop, **self._connection, **self._kwargs)


class Runner(web.AppRunner):
    """Runs an application on a Server of ours; aiohttp has no other place to say which connections it makes."""

    __slots__ = ("_connection",)

    def __init__(self, app: web.Application, *, connection: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(app, max_line_size=MAX_LINE_BYTES, max_field_size=MAX_FIELD_BYTES, **kwargs)
        self._connection = connection

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return Server(
            made.request_handler, request_factory=made.request_factory, connection=self._connection, **self._kwargs
        )
