"""Wires the gateway: the only module here that knows everything else."""

import asyncio
import gc
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry

from moorage.access.problems import ServiceUnavailable
from moorage.distribution.capability import CapabilitySigner
from moorage.distribution.client import DistributionClient
from moorage.distribution.content import Content
from moorage.distribution.server.routes import add_distribution
from moorage.gateway.access import DEFAULT_PATIENCE, Access, Patience
from moorage.gateway.adapters.authority_client import AuthorityClient
from moorage.gateway.audit import Audit
from moorage.gateway.challenge import Challenge
from moorage.gateway.collector import give_way
from moorage.gateway.credentials import Credentials
from moorage.gateway.enlistment import Announce, Enlistment
from moorage.gateway.follower import Follower
from moorage.gateway.http import edge
from moorage.gateway.http.address import behind
from moorage.gateway.http.authentication import Authentication
from moorage.gateway.http.catalog import Catalog
from moorage.gateway.http.gate import OciGate, name_the_decision
from moorage.gateway.http.management.api import ManagementApi
from moorage.gateway.http.management.callers import Callers
from moorage.gateway.http.management.problems import render_problems
from moorage.gateway.http.management.serving import add_management
from moorage.gateway.http.management.waiting import waiting_for_all
from moorage.gateway.http.throttle import Throttle
from moorage.gateway.http.token import TokenEndpoint
from moorage.gateway.http.welcome import add_welcome
from moorage.gateway.keys import KeyRing
from moorage.gateway.loading_numbers import LoadingNumbers
from moorage.gateway.metrics import AskingNumbers, ReplicaNumbers
from moorage.gateway.numbers import DecisionNumbers
from moorage.gateway.ports import Authority, AuthorityFeed
from moorage.gateway.purging import Purging
from moorage.gateway.settings import GatewaySettings
from moorage.gateway.shadow import Shadow
from moorage.gateway.sum_check import SumCheck
from moorage.gateway.tokens import BearerTokens
from moorage.gateway.unpushed import UNPUSHED_INTERVAL, Unpushed
from moorage.oci.errors import RegistryError
from moorage.runtime.clock import Clock, SystemClock
from moorage.runtime.health import Health, add_health
from moorage.runtime.lifecycle import Stop
from moorage.runtime.metrics import HttpMetrics, process_registry
from moorage.runtime.periodic import Periodic
from moorage.runtime.serving import Listener, serve


class Gateway:
    """An open gateway: what it serves, and how it is."""

    def __init__(
        self,
        settings: GatewaySettings,
        authority: Authority,
        feed: AuthorityFeed,
        content: Content,
        follower: Follower,
        clock: Clock,
        patience: Patience,
        announce: Announce,
    ) -> None:
        """Raises KeysUnusable."""
        self._settings = settings
        self._authority = authority
        self._content = content
        self._clock = clock
        self.follower = follower
        self.sums = SumCheck(follower, feed, settings.replica_check_seconds)
        self.health = Health({"replica": self._replica_missing})
        self.shadow = Shadow(authority, follower, clock, settings.shadow_percent / 100)
        self.audit = Audit(authority, follower, clock, settings.audit_queue, settings.audit_sample_percent / 100)
        self.enlistment = Enlistment(feed, follower, clock, settings.bounds, announce)
        self._numbers = AskingNumbers()
        self.access = Access(
            follower, authority, clock, settings.bounds, patience, self.shadow, self.enlistment, self._numbers
        )
        challenge = Challenge(settings.realm, settings.service)
        keys = KeyRing(settings.secrets_dir, clock)
        tokens = BearerTokens(keys, settings.public_url, settings.service, settings.token_seconds)
        credentials = Credentials(authority, self.access, clock, settings.failed_logins_per_minute)
        self._throttle = Throttle(settings.allowance, clock)
        authentication = Authentication(tokens, credentials, self.access, challenge, clock, self._throttle)
        self.gate = OciGate(authentication, self.access, challenge, self.audit, self._throttle)
        self._token_endpoint = TokenEndpoint(
            tokens, credentials, challenge, clock, self._throttle, catalog=settings.catalog
        )
        self._catalog = Catalog(authentication, authority, challenge, settings.limits)
        self._management = ManagementApi(authority, follower, self.access, self.audit, content, patience.own_writes)
        self._callers = Callers(credentials, self._throttle)
        self.purging = Purging(authority, content)
        self.unpushed = Unpushed(authority, content)

    def public_app(self) -> web.Application:
        """The distribution API, the token endpoint and the management API."""
        app = web.Application(
            middlewares=[
                behind(self._settings.proxies),
                render_problems,
                self._throttle.shedding(),
                waiting_for_all(self._authority),
            ]
        )
        app.on_response_prepare.append(name_the_decision)
        if self._settings.catalog:
            self._catalog.add_to(app)
        add_distribution(app, self.gate, self._content, self._settings.limits)
        self._token_endpoint.add_to(app)
        add_management(app, self._management, self._callers)
        add_welcome(app, self._settings.public_url)
        return app

    def internal_app(self, registry: CollectorRegistry | None = None, health: Health | None = None) -> web.Application:
        """Health and metrics, for a port that is not public (R151).

        `health` is that of the whole process, if there is more in it than a gateway.
        """
        app = web.Application()
        registry = registry or CollectorRegistry()
        registry.register(DecisionNumbers(self.audit, self.shadow))
        registry.register(ReplicaNumbers(self.follower, self.enlistment))
        registry.register(LoadingNumbers(self.follower, self.sums))
        self._numbers.add_to(registry)
        self._throttle.numbers.add_to(registry)
        add_health(app, health or self.health, registry)
        return app

    def edge_app(self, service_token: str) -> web.Application:
        """What an edge asks, to be mounted on the internal port: only where storage is apart from the gateway."""
        app = web.Application(middlewares=[behind(self._settings.proxies), self._throttle.shedding()])
        app.on_response_prepare.append(name_the_decision)
        signer = CapabilitySigner(service_token)
        edge.EdgeAdmission(self.gate, signer, self._settings.limits, self._clock).add_to(app)
        return app

    async def _replica_missing(self) -> str | None:
        if not self.enlistment.current:
            return "not known to the fleet yet"
        return self.follower.missing


@asynccontextmanager
async def open_gateway(
    settings: GatewaySettings,
    authority: Authority,
    feed: AuthorityFeed,
    content: Content,
    *,
    clock: Clock | None = None,
    patience: Patience = DEFAULT_PATIENCE,
    announce: Announce = lambda _: None,
) -> AsyncIterator[Gateway]:
    """A gateway that follows the authority while the context is open; `announce` see Enlistment. Raises KeysUnusable.

    If following fails in a way that nobody foresaw, whoever opened the gateway is cancelled: it must not go on blind.
    """
    clock = clock or SystemClock()
    follower = Follower(feed, clock, loading=settings.loading)
    gateway = Gateway(settings, authority, feed, content, follower, clock, patience, announce)
    following, comparing = _beside(follower.run()), _beside(gateway.sums.run())
    away = (ServiceUnavailable, RegistryError)
    purging = Periodic("purge", gateway.purging.run, timedelta(seconds=settings.purge_seconds), away, jitter=0.5)
    unpushed = Periodic("look into first pushes", gateway.unpushed.run, UNPUSHED_INTERVAL, away, jitter=0.5)
    async with following, comparing, gateway.enlistment, gateway.audit.queue, gateway.shadow, purging, unpushed:
        yield gateway


@asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Cancels `work` when the body ends, and the body if `work` fails; the body's exception comes out as itself."""
    failure: Exception | None = None
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        try:
            yield
        except Exception as error:  # the group would wrap what is the caller's own
            failure = error
        finally:
            task.cancel()
    if failure is not None:
        raise failure


async def run(settings: GatewaySettings, stop: Stop) -> None:
    """A gateway of its own process, until it is told to stop."""
    structlog.get_logger().info("Starting the gateway.", **settings.masked())
    token = settings.service_token.get_secret_value()
    registry = process_registry()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        authority = AuthorityClient(session, settings.permissions_url, token)
        content = DistributionClient(session, settings.storage_url, token)
        async with open_gateway(settings, authority, authority, content) as gateway:
            listeners = [
                Listener(
                    "public",
                    gateway.public_app(),
                    settings.public_host,
                    settings.public_port,
                    header_time=settings.header_time,
                    idle_time=timedelta(seconds=settings.idle_body_seconds),
                ),
                Listener("internal", gateway.internal_app(registry), settings.internal_host, settings.internal_port),
            ]
            listeners[1].app.add_subapp(edge.PREFIX, gateway.edge_app(token))
            gateway.follower.on_bootstrap = freeze_what_stays
            give_way()
            async with serve(listeners, gateway.health, HttpMetrics(registry)):
                await stop.wait()


def freeze_what_stays() -> None:
    """Once everything is loaded, the garbage collector need not look at it again: it would stall who is served."""
    gc.collect()
    gc.freeze()
