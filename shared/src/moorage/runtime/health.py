"""`/livez`, `/readyz`, `/startupz`, `/metrics` on the internal port (R151, R161)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

Check = Callable[[], Awaitable[str | None]]
"""What is missing to be ready, in words without secrets; None if nothing is."""

CHECK_SECONDS: Final = 2.0


class Health:
    """How a process is. Liveness depends on nothing outside it; readiness on its checks, and on not being drained."""

    def __init__(self, checks: Mapping[str, Check] | None = None) -> None:
        self._checks = dict(checks or {})
        self._started = False
        self._draining = False

    @classmethod
    def joined(cls, *parts: "Health") -> "Health":
        """How a process is that holds these parts: what one of them waits for, all do."""
        checks = [check for part in parts for check in part._checks.items()]
        if len(checks) != len(dict(checks)):
            raise ValueError("two parts have a check of the same name")
        return cls(dict(checks))

    def started(self) -> None:
        """What start-up has to do is done."""
        self._started = True

    def drain(self) -> None:
        """From now on not ready: load balancers send new connections elsewhere."""
        self._draining = True

    @property
    def has_started(self) -> bool:
        """Whether start-up is over."""
        return self._started

    @property
    def checks(self) -> list[str]:
        """The names of what readiness depends on."""
        return sorted(self._checks)

    async def missing(self) -> dict[str, str]:
        """What stands in the way of being ready, by the check's name; empty if nothing does."""
        if not self._started:
            return {"start": "still starting"}
        if self._draining:
            return {"stop": "stopping"}
        results = await asyncio.gather(*(_result(check) for check in self._checks.values()))
        return {name: reason for name, reason in zip(self._checks, results, strict=True) if reason}


def add_health(app: web.Application, health: Health, registry: CollectorRegistry) -> None:
    """Adds the four paths to an application that is served on an internal port only."""

    async def livez(_request: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def startupz(_request: web.Request) -> web.Response:
        return web.json_response({"started": health.has_started}, status=200 if health.has_started else 503)

    async def readyz(_request: web.Request) -> web.Response:
        missing = await health.missing()
        told = {"ready": not missing, "missing": missing, "checks": health.checks}
        return web.json_response(told, status=503 if missing else 200)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    for path, handler in {"/livez": livez, "/startupz": startupz, "/readyz": readyz, "/metrics": metrics}.items():
        app.router.add_get(path, handler)


def health_application(health: Health, registry: CollectorRegistry) -> web.Application:
    """An application with nothing but the four paths, for a service whose own port is public."""
    app = web.Application()
    add_health(app, health, registry)
    return app


async def _result(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS:g} seconds"
    except Exception as error:  # a check that fails in an unforeseen way is still only "not ready"
        return type(error).__name__
