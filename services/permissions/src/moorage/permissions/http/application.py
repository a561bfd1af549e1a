"""The internal listener's application: its routes, and the guards before them."""

from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from moorage.permissions.apply import Apply
from moorage.permissions.authority import LocalAuthority
from moorage.permissions.credentials import Authentication
from moorage.permissions.epochs import Epochs
from moorage.permissions.http.callers import GatewayGuard, ServiceGuard
from moorage.permissions.http.epochs import EpochRoutes
from moorage.permissions.http.feed import BLOCKED_SECONDS, FeedRoutes
from moorage.permissions.http.ingest import MAX_BYTES, Ingest, SourceFinder
from moorage.permissions.http.operations import add_operations
from moorage.permissions.http.operator import OperatorRoutes
from moorage.permissions.http.oversight import OversightRoutes, RequestRoutes
from moorage.permissions.http.problems import NUMBERS, render_problems
from moorage.permissions.http.topics import TopicRoutes
from moorage.permissions.http_ingest_metrics import HttpIngestMetrics
from moorage.permissions.metrics import ProtocolNumbers
from moorage.permissions.names import Names
from moorage.permissions.ports import Ledger
from moorage.permissions.reconcile.oversight import Oversight
from moorage.permissions.source_requests import SourceRequests
from moorage.permissions.sources import SourceDeclarations
from moorage.permissions.topic_acceptance import TopicAcceptance
from moorage.runtime.health import Health, add_health


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes drive."""

    ledger: Ledger
    authority: LocalAuthority
    apply: Apply
    authentication: Authentication
    declarations: SourceDeclarations
    oversight: Oversight
    topics: TopicAcceptance
    requests: SourceRequests
    epochs: Epochs
    numbers: ProtocolNumbers
    health: Health
    registry: CollectorRegistry
    blocked_seconds: float = BLOCKED_SECONDS


def internal_app(services: Services, service_token: SecretStr | None) -> web.Application:
    """The application; served on an internal address only (R151)."""
    app = web.Application(middlewares=[render_problems], client_max_size=MAX_BYTES)
    app[NUMBERS] = services.numbers
    gateways, others = GatewayGuard(service_token), ServiceGuard(services.authentication)
    sources = SourceFinder(services.ledger)
    add_operations(app, services.authority, gateways)
    feed = FeedRoutes(services.authority, gateways, services.numbers, services.blocked_seconds)
    app.router.add_get("/internal/v1/snapshot", feed.snapshot)
    app.router.add_get("/internal/v1/digest", feed.digest)
    app.router.add_get("/internal/v1/changes", feed.changes)
    app.on_shutdown.append(feed.end_streams)
    ingest = Ingest(sources, services.apply, others, HttpIngestMetrics(services.registry))
    app.router.add_post("/internal/v1/facts", ingest.facts)
    oversight = OversightRoutes(services.oversight, others)
    app.router.add_get("/internal/v1/sweeps", oversight.sweeps)
    app.router.add_post("/internal/v1/sweeps/{id}", oversight.decide)
    app.router.add_get("/internal/v1/dead_letters", oversight.letters)
    app.router.add_get("/internal/v1/dead_letters/{id}", oversight.letter)
    app.router.add_post("/internal/v1/dead_letters/{id}/release", oversight.release)
    requests = RequestRoutes(services.requests, sources, others)
    app.router.add_get("/internal/v1/requests", requests.waiting)
    app.router.add_post("/internal/v1/requests/{id}/done", requests.done)
    operator = OperatorRoutes(services.declarations, Names(services.ledger), others)
    app.router.add_post("/internal/v1/sources", operator.declare)
    app.router.add_get("/internal/v1/sources", operator.sources)
    app.router.add_get("/internal/v1/ids", operator.ids)
    app.router.add_post("/internal/v1/topics/accept", TopicRoutes(services.topics, others).accept)
    epochs = EpochRoutes(services.epochs, others)
    app.router.add_post("/internal/v1/epoch", epochs.bump)
    app.router.add_post("/internal/v1/epoch/confirm", epochs.confirm)
    add_health(app, services.health, services.registry)
    return app
