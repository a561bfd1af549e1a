"""Bytes that are no clean HTTP: ambiguous framing, odd targets, heads without end (R5, R134, R135)."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from prometheus_client import CollectorRegistry

from contracts.storage_parts import MemoryStorage
from distribution.served import AT_ONCE, registry_on, served
from moorage.oci.digest import Digest
from moorage.runtime.health import Health
from moorage.runtime.metrics import HttpMetrics
from moorage.runtime.serving import Listener, serve

POST = b"POST /v2/acme/app/blobs/uploads/ HTTP/1.1\r\nHost: h\r\n"


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A registry on memory."""
    async with served(registry_on(MemoryStorage().content)) as url:
        yield url


async def answer_to(url: str, sent: bytes) -> bytes:
    """All that comes back until the server closes; the client closes its side only then."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        writer.write(sent)
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def statuses(answer: bytes) -> list[int]:
    """The statuses of the answers in what came back."""
    return [int(found) for found in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]


@pytest.mark.parametrize(
    "sent",
    [
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        POST + b"Content-Length: 5, 6\r\n\r\nhello",
        POST + b"Content-Length: +5\r\n\r\nhello",
        POST + b"Content-Length: -5\r\n\r\nhello",
        POST + b"Content-Length: 0x5\r\n\r\nhello",
        POST + b"Transfer-Encoding: gzip, chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"X: a\r\n folded\r\n\r\n",
        POST + b"X : a\r\n\r\n",
        POST + b": a\r\n\r\n",
        POST + b"X: a\x00b\r\n\r\n",
        POST + b"X\x7f: a\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /v2/ HTTP/9.9\r\nHost: h\r\n\r\n",
        b"GET /v2/ HTTP/2.0\r\nHost: h\r\n\r\n",
        b"GET /v2/ HTTP/0.9\r\nHost: h\r\n\r\n",
        b"GET /v2/a\n/b HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /v2/\x00 HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /v2/ a HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET\r\n\r\n",
        b"G\xc3\x84T /v2/ HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_ambiguous_requests_are_refused_and_end_the_connection(url: str, sent: bytes) -> None:
    """400 in a form that clients parse, then nothing: a second request in the rest is never answered."""
    answer = await answer_to(url, sent + b"GET /v2/ HTTP/1.1\r\nHost: smuggled\r\n\r\n")
    assert statuses(answer) == [400]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["errors"][0]["code"] == "UNSUPPORTED"


@pytest.mark.parametrize("chunk", [b"zz\r\n", b"-1\r\nx\r\n", b"5\r\nhelloXX0\r\n\r\n", b"ffffffffffffffffff\r\n"])
async def test_broken_chunks_are_refused_and_end_the_connection(url: str, chunk: bytes) -> None:
    """400, whether the head was answered already or not."""
    digest = "sha256:" + "0" * 64
    head = POST.replace(b"uploads/ ", f"uploads/?digest={digest} ".encode())
    answer = await answer_to(url, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk)
    assert statuses(answer) == [400]


@pytest.mark.parametrize(
    "target",
    [
        b"/v2/../v2/acme/app/tags/list",
        b"/v2/acme/../other/app/tags/list",
        b"/v2/acme/app/../app/tags/list",
        b"/v2//acme/app/tags/list",
        b"/v2/acme//app/tags/list",
        b"/v2/acme/%2e%2e/app/tags/list",
        b"/v2/acme%2fapp/tags/list",
        b"/v2/acme\\app/tags/list",
        b"/v2/acme/app%00/tags/list",
        b"/v2/acme/\xc0\xae\xc0\xae/tags/list",
        b"/v2/acme/\xff/tags/list",
        b"/v2/acme/app;x/tags/list",
        b"/v2/acme/app/tags/list/",
        b"/v2/acme/app/./tags/list",
        b"//evil.example/v2/acme/app/tags/list",
        b"*",
    ],
)
async def test_odd_targets_select_nothing_and_redirect_nowhere(url: str, target: bytes) -> None:
    """Exactly as sent, no client in between that tidies them up (CVE-2024-4956)."""
    answer = await answer_to(url, b"GET " + target + b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert statuses(answer)[0] in (400, 404)
    assert b"\r\nLocation:" not in answer


async def test_an_absolute_target_is_the_same_place(url: str) -> None:
    """As proxies send it (RFC 9112 §3.2.2)."""
    sent = b"GET http://elsewhere/v2/acme/app/tags/list HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    assert statuses(await answer_to(url, sent)) == [200]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /v2/?" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
        (b"GET /v2/ HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (b"GET /v2/ HTTP/1.1\r\nHost: h\r\n" + b"X: a\r\n" * 500 + b"\r\n", 431),
        (b"GET /v2/ HTTP/1.1\r\nHost: h\r\n" + (b"X: " + b"a" * 30_000 + b"\r\n") * 3 + b"\r\n", 431),
    ],
)
async def test_a_head_past_the_limits_is_refused(url: str, sent: bytes, status: int) -> None:
    """URL 8 KiB, headers 64 KiB together (R135)."""
    answer = await answer_to(url, sent)
    assert statuses(answer) == [status]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["errors"]


@pytest.mark.parametrize("sent", [b"", b"GET /v2/ HTTP/1.1\r\nHost: h\r\nX-Slow: "])
async def test_a_head_that_never_ends_is_cut(sent: bytes) -> None:
    """Also one that never begins (R135)."""
    listener = Listener("test", registry_on(MemoryStorage().content), header_time=timedelta(milliseconds=50))
    async with serve([listener], Health(), HttpMetrics(CollectorRegistry()), AT_ONCE) as places:
        host, port = places["test"]
        assert await answer_to(f"http://{host}:{port}", sent) == b""


async def test_malformed_requests_are_counted() -> None:
    """A metric, not a traceback in the log."""
    registry = CollectorRegistry()
    listener = Listener("test", registry_on(MemoryStorage().content))
    async with serve([listener], Health(), HttpMetrics(registry), AT_ONCE) as places:
        host, port = places["test"]
        await answer_to(f"http://{host}:{port}", b"GET\r\n\r\n")
    assert registry.get_sample_value("moorage_http_malformed_requests_total", {"listener": "test"}) == 1


async def test_a_body_has_more_time_than_a_head() -> None:
    """An upload that pauses for longer is cut by its own clock only."""
    listener = Listener("test", registry_on(MemoryStorage().content), header_time=timedelta(milliseconds=50))
    digest = Digest.of(b"0123456789")
    async with serve([listener], Health(), HttpMetrics(CollectorRegistry()), AT_ONCE) as places:
        reader, writer = await asyncio.open_connection(*places["test"])
        writer.write(POST.replace(b"uploads/ ", f"uploads/?digest={digest} ".encode()) + b"Content-Length: 10\r\n\r\n")
        await writer.drain()
        writer.write(b"01234")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.read(1)
        writer.write(b"56789")
        assert statuses(await reader.readuntil(b"\r\n\r\n")) == [201]
        writer.close()
        await writer.wait_closed()


async def test_another_expectation_is_417(url: str) -> None:
    """In the form of all errors."""
    answer = await answer_to(url, POST + b"Expect: tea\r\nConnection: close\r\n\r\n")
    assert statuses(answer) == [417]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["errors"][0]["code"] == "UNSUPPORTED"
