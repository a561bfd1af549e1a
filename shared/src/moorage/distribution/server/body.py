"""Request bodies as they come in: never compressed, never stalled for long, never past a limit."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Final, Protocol, runtime_checkable

from aiohttp import HttpVersion11, web

from moorage.distribution import headers
from moorage.distribution.content import Chunk, Piece
from moorage.distribution.errors import render
from moorage.distribution.inside import SEALED, unsealed
from moorage.oci import byte_range
from moorage.oci.byte_range import ByteRange
from moorage.oci.errors import ErrorCode, ManifestTooLarge, ParameterInvalid, RegistryError, Unsupported

PIECE_BYTES: Final = 64 * 1024
"""Pieces handed on are at least this long, except the last: storage hashes and writes per piece."""

_AWAITED: Final = web.RequestKey("moorage.continue", bool)


class _Diverted(Protocol):
    """The rest of a body that comes past the parser. See moorage.runtime.diversion."""

    def blocks(self, idle_seconds: float, stalled: Callable[[], Exception]) -> AsyncGenerator[memoryview, None]:
        """Each is valid until the next one is asked for."""
        ...


@runtime_checkable
class _Diverting(Protocol):
    """A connection that lets large bodies past the parser. See moorage.runtime.connection."""

    def divert(self, request: web.BaseRequest) -> _Diverted | None:
        """None if this body goes on as it does, for now."""
        ...


class BodyStalled(RegistryError):
    """No byte of the body arrived for longer than the limit (R135)."""

    code = ErrorCode.SIZE_INVALID
    status = 408


class BodyEncoded(Unsupported):
    """A request body with a Content-Encoding: content is stored as it is sent, and never unpacked (R137)."""

    status = 415


class ExpectationUnknown(Unsupported):
    """An `Expect` other than `100-continue` (RFC 9110 §10.1.1)."""

    status = 417


async def expect_continue(request: web.Request) -> web.StreamResponse | None:
    """aiohttp's expect handler: keeps `100 Continue` back until the body is read, so that a refusal comes first."""
    if request.headers["Expect"].strip().lower() != "100-continue":
        return render(ExpectationUnknown("the only expectation that is met here is 100-continue"))
    request[_AWAITED] = request.version >= HttpVersion11
    return None


def refuse_encoded(request: web.Request) -> None:
    """Raises BodyEncoded for a compressed body."""
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise BodyEncoded("a request body must not have a Content-Encoding: content is stored as it is sent")


def span(request: web.Request) -> ByteRange | None:
    """Where the client says that the chunk lies. Raises ParameterInvalid."""
    return byte_range.of_chunk(request.headers.get("Content-Range"))


@asynccontextmanager
async def chunk(request: web.Request, span: ByteRange | None, idle_seconds: float) -> AsyncIterator[Chunk]:
    """The body as a chunk of an upload; only after the gate, which knows whether the body is a sealed one.

    What is left of it afterwards is not waited for here.
    """
    async with aclosing(pieces(request, idle_seconds)) as body:
        yield Chunk(body, span, _announced(request))


async def read_manifest(request: web.Request, max_bytes: int, idle_seconds: float) -> bytes:
    """The whole body. Raises ManifestTooLarge, at the latest one piece past the limit (R24)."""
    refuse_large_manifest(request, max_bytes)
    body = bytearray()
    async for piece in pieces(request, idle_seconds):
        body += piece
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(body)


def refuse_large_manifest(request: web.Request, max_bytes: int) -> None:
    """Raises ManifestTooLarge if the announced length is: before anything is read."""
    if (request.content_length or 0) > max_bytes:
        raise _too_large(max_bytes)


async def pieces(request: web.Request, idle_seconds: float) -> AsyncGenerator[Piece, None]:
    """The body in pieces of PIECE_BYTES or more, in order. One that is a memoryview is valid until the next one.

    When it breaks off, what arrived is handed out before ConnectionResetError, RequestPayloadError or BodyStalled.
    """
    gathered = bytearray()
    failure: Exception | None = None
    try:
        async with aclosing(_arrivals(request, idle_seconds)) as arrivals:
            async for piece in unsealed(arrivals) if request.get(SEALED) else arrivals:
                is_large = len(piece) >= PIECE_BYTES
                if not is_large:
                    gathered += piece
                if gathered and (is_large or len(gathered) >= PIECE_BYTES):
                    yield bytes(gathered)
                    gathered.clear()
                if is_large:
                    yield piece
    except (OSError, web.RequestPayloadError, BodyStalled) as error:
        failure = error
    if gathered:
        yield bytes(gathered)
    if failure is not None:
        raise failure


async def _arrivals(request: web.Request, idle_seconds: float) -> AsyncGenerator[Piece, None]:
    _continue(request)
    while (past := _past_the_parser(request)) is None:
        try:
            async with asyncio.timeout(idle_seconds):
                piece = await request.content.readany()
        except TimeoutError:
            raise _stalled(idle_seconds) from None
        if not piece:
            return
        yield piece
    async with aclosing(past.blocks(idle_seconds, lambda: _stalled(idle_seconds))) as blocks:
        async for block in blocks:
            yield block


def _past_the_parser(request: web.Request) -> _Diverted | None:
    return request.protocol.divert(request) if isinstance(request.protocol, _Diverting) else None


def _stalled(idle_seconds: float) -> BodyStalled:
    return BodyStalled(f"no byte of the body arrived for {idle_seconds:g} seconds; send it again")


def _continue(request: web.Request) -> None:
    if request.pop(_AWAITED, False) and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _announced(request: web.Request) -> int | None:
    if not request.get(SEALED):
        return request.content_length
    announced = request.headers.get(headers.CHUNK_LENGTH)
    if announced is None:
        return None
    if not announced.isascii() or not announced.isdigit() or len(announced) > 19:
        raise ParameterInvalid("the announced length of a chunk is a number of bytes")
    return int(announced)


def _too_large(max_bytes: int) -> ManifestTooLarge:
    return ManifestTooLarge(f"a manifest has at most {max_bytes} bytes", detail={"limit": max_bytes})
