"""The load engine says what it was given, and reads what servers may answer."""

import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from bench.engine.connection import check
from bench.engine.engine import Engine
from bench.engine.message import FileBody, LoadFailed, Pause, Request, Response, Script
from bench.engine.reading import Reading, ServerClosed, unchunked
from bench.engine.sending import sending

CONTENT = bytes(range(256)) * 9_000


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of one connection; ours does not block."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def _read(pair: tuple[socket.socket, socket.socket], pieces: Sequence[bytes], **request: bool) -> Response:
    """Sends the pieces one after the other, with a look at each."""
    ours, theirs = pair
    reading = Reading(Request("get", b"", **request))  # type: ignore[arg-type]  # keep and bodiless only
    for piece in pieces:
        with pytest.raises(BlockingIOError):
            reading.read(ours)
        theirs.sendall(piece)
    return reading.read(ours)


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_an_answer_may_come_in_any_pieces(pair: tuple[socket.socket, socket.socket], step: int) -> None:
    """Head, body, both."""
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nLocation: /x?y=z\r\n\r\nhello world"
    answer = _read(pair, [whole[at : at + step] for at in range(0, len(whole), step)], keep=True)
    assert (answer.status, answer.body, answer.length) == (200, b"hello world", 11)
    assert answer.header("location") == "/x?y=z"
    assert answer.header("Content-Length") == "11"
    assert answer.header("etag") == ""


def test_a_chunked_answer_is_put_together(pair: tuple[socket.socket, socket.socket]) -> None:
    """RFC 9112 §7.1, with an extension."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = _read(pair, [head, b"5;a=b\r\nhello\r\n", b"6\r\n world\r\n0\r\n", b"\r\n"], keep=True)
    assert answer.body == b"hello world"
    assert unchunked(b"0\r\n\r\n") == b""


def test_what_nobody_wants_is_counted_all_the_same(pair: tuple[socket.socket, socket.socket]) -> None:
    """The body is dropped in the kernel."""
    answer = _read(pair, [b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", b"abc", b"def"])
    assert answer.length == 6


def test_head_has_a_length_and_no_body(pair: tuple[socket.socket, socket.socket]) -> None:
    """The next answer is not mistaken for its body."""
    assert _read(pair, [b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"], bodiless=True).length == 6


def test_an_interim_answer_is_skipped(pair: tuple[socket.socket, socket.socket]) -> None:
    """RFC 9110 §15.2."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    assert _read(pair, [interim, b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"]).status == 201
    assert _read(pair, [interim + b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"]).status == 202


def test_a_server_that_closes_is_told_from_one_that_breaks_off(pair: tuple[socket.socket, socket.socket]) -> None:
    """The first is sent the request again, the second is a failure."""
    ours, theirs = pair
    theirs.close()
    with pytest.raises(ServerClosed):
        Reading(Request("get", b"")).read(ours)
    left, right = socket.socketpair()
    with left, right:
        right.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        right.shutdown(socket.SHUT_WR)
        with pytest.raises(LoadFailed):
            Reading(Request("get", b"")).read(left)


@pytest.mark.parametrize(
    "request_",
    [
        Request("get", b"", accept=(201,)),
        Request("get", b"", digest=b"sha256:ab"),
        Request("get", b"", length=4),
    ],
    ids=["status", "digest", "length"],
)
def test_a_wrong_answer_ends_the_round(request_: Request) -> None:
    """Its figures would mean nothing."""
    answer = Response(200, b"HTTP/1.1 200 OK\r\nDocker-Content-Digest: sha256:cd\r\n", b"abc", 3)
    with pytest.raises(LoadFailed):
        check(request_, answer)
    check(Request("get", b"", digest=b"sha256:cd", length=3), answer)


@pytest.mark.parametrize("prefix", [b"", b"prefix"], ids=["plain", "prefix"])
@pytest.mark.parametrize("chunk", [0, 1000, 70_000])
def test_a_body_goes_out_whole_in_either_coding(
    pair: tuple[socket.socket, socket.socket], tmp_path: Path, prefix: bytes, chunk: int
) -> None:
    """Through a socket that is full again and again."""
    ours, theirs = pair
    file = tmp_path / "body"
    file.write_bytes(CONTENT)
    got = bytearray()
    with file.open("rb") as opened:
        size = len(CONTENT) - 5
        body = FileBody(opened.fileno(), 5, size, prefix, chunk, memoryview(CONTENT))
        reader = threading.Thread(target=lambda: _receive(theirs, got))
        reader.start()
        out = sending(body)
        while not _is_sent(out.send, ours):
            pass
        ours.shutdown(socket.SHUT_WR)
        reader.join()
    assert (unchunked(bytes(got)) if chunk else bytes(got)) == prefix + CONTENT[5:]
    assert body.total == len(prefix) + size


def _is_sent(send: object, to: socket.socket) -> bool:
    try:
        send(to)  # type: ignore[operator]
    except BlockingIOError:
        return False
    return True


def _receive(source: socket.socket, into: bytearray) -> None:
    while data := source.recv(65_536):
        into.extend(data)


class ClosingServer:
    """A server that closes each connection after so many answers; it says nothing of that before."""

    def __init__(self, answers: int) -> None:
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                for _ in range(self._answers):
                    if not connection.recv(4096):
                        break
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def close(self) -> None:
        """No connection more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[ClosingServer]:
    """Two answers to a connection."""
    opened = ClosingServer(2)
    yield opened
    opened.close()


def test_scripts_run_to_their_end_over_connections_that_servers_close(server: ClosingServer) -> None:
    """A request that met a closed connection is sent once more; pauses are kept; latencies are kept by operation."""
    seen: list[int] = []

    def script() -> Script:
        for _ in range(5):
            answer = yield Request("get", b"GET / HTTP/1.1\r\n\r\n")
            seen.append(answer.status)
            yield Pause(0.0)

    outcome = Engine(server.port, ["127.0.0.1"]).run([script()])
    assert seen == [200] * 5
    assert len(outcome.latencies["get"]) == 5
    assert server.connections == 3
