"""What every request gets: an id, a line in the log without secrets, and a place in the metrics."""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry
from yarl import URL

from moorage.runtime import logging as log_lines
from moorage.runtime.health import Health
from moorage.runtime.http import REQUEST_ID
from moorage.runtime.metrics import HttpMetrics
from moorage.runtime.serving import Drain, Listener, serve

AT_ONCE = Drain(timedelta(), timedelta(), timedelta(seconds=1))


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The log as JSON lines; afterwards logging is as it was."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    log_lines.configure("test", stream=stream, as_json=True)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


@pytest.fixture
def metrics() -> CollectorRegistry:
    """Metrics of one test."""
    return CollectorRegistry()


@pytest.fixture
async def url(metrics: CollectorRegistry) -> AsyncIterator[str]:
    """An application that says the id of the request it got."""

    async def say_id(request: web.Request) -> web.Response:
        structlog.contextvars.bind_contextvars(principal="user:1", image="acme/app")
        return web.Response(text=request[REQUEST_ID])

    async def fail(_request: web.Request) -> web.Response:
        raise RuntimeError("with mrg_pat_abcdef123456 inside")

    app = web.Application()
    app.router.add_get("/things/{name:.*}", say_id)
    app.router.add_get("/bug", fail)
    async with serve([Listener("public", app)], Health(), HttpMetrics(metrics), AT_ONCE) as places:
        host, port = places["public"]
        yield f"http://{host}:{port}"


def answered(lines: io.StringIO) -> list[dict[str, Any]]:
    """The lines about requests."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    entries = [json.loads(line) for line in lines.getvalue().splitlines()]
    return [entry for entry in entries if entry["event"] == "Answered a request"]


@pytest.mark.parametrize("given", ["abc", "0af7651916cd43dd8448eb211c80319c", "a.b-c_d"])
async def test_a_sane_request_id_is_taken(url: str, given: str) -> None:
    """And given back, so that one id follows a request through all services."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{url}/things/x", headers={"X-Request-Id": given}) as answer,
    ):
        assert (await answer.text(), answer.headers["X-Request-Id"]) == (given, given)
        assert answer.headers["Server"] == "moorage"


@pytest.mark.parametrize("given", [None, "", "a b", "a" * 65, "a;b", "ä", "<script>"])
async def test_any_other_request_id_is_replaced(url: str, given: str | None) -> None:
    """It goes into logs and headers."""
    headers = {} if given is None else {"X-Request-Id": given}
    async with aiohttp.ClientSession() as session, session.get(f"{url}/things/x", headers=headers) as answer:
        made = await answer.text()
        assert made != given
        assert made == answer.headers["X-Request-Id"]
        assert made.isalnum()


async def test_a_request_is_one_line(lines: io.StringIO, url: str) -> None:
    """With what handlers bound; unknown query parameters lose their value."""
    target = URL(f"{url}/things/a%20b?n=5&token=mrg_pat_abcdef&secret=x&scope=repository:a/b:pull", encoded=True)
    headers = {"User-Agent": "docker\tx" + "y" * 500, "Authorization": "Bearer mrg_pat_abcdef"}
    async with aiohttp.ClientSession() as session, session.get(target, headers=headers) as answer:
        await answer.read()
    (line,) = answered(lines)
    assert (line["method"], line["path"], line["status"]) == ("GET", "/things/a%20b", 200)
    assert line["query"] == "n=5&token=...&secret=...&scope=repository:a/b:pull"
    assert (line["principal"], line["image"], line["service"]) == ("user:1", "acme/app", "test")
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert len(line["agent"]) == 200
    assert line["sent_bytes"] > 0
    assert "mrg_pat" not in lines.getvalue()


async def test_a_line_knows_nothing_of_the_request_before(lines: io.StringIO, url: str) -> None:
    """What was bound for one request is gone in the next one on the same connection."""
    async with aiohttp.ClientSession() as session:
        for path in ("/things/x", "/nothing"):
            async with session.get(url + path) as answer:
                await answer.read()
    first, second = answered(lines)
    assert "principal" in first
    assert "principal" not in second


async def test_a_bug_is_logged_without_its_secrets(lines: io.StringIO, url: str) -> None:
    """Masked in the traceback as well (R145)."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/bug") as answer:
        assert answer.status == 500
        assert "mrg_pat" not in await answer.text()
    assert "RuntimeError" in lines.getvalue()
    assert "mrg_pat" not in lines.getvalue()


async def test_requests_are_counted_by_route(url: str, metrics: CollectorRegistry) -> None:
    """By the route's pattern, never by its path: names would make endless series."""
    async with aiohttp.ClientSession() as session:
        for path in ("/things/a", "/things/b", "/nothing"):
            async with session.get(url + path) as answer:
                await answer.read()
    counted = {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for family in metrics.collect()
        for sample in family.samples
        if sample.name == "moorage_http_request_seconds_count"
    }
    assert counted == {("/things/{name}", "2xx"): 2, ("unknown", "4xx"): 1}
