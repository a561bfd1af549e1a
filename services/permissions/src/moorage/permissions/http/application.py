"""The internal listener's application: its routes, and the guards before them."""

from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from moorage.permissions.apply import Apply
from moorage.permissions.authority import LocalAuthority
from moorage.permissions.credentials import Authentication
from moorage.permissions.http.callers import GatewayGuard, ServiceGuard
from moorage.permissions.http.feed import FeedRoutes
from moorage.permissions.http.ingest import MAX_BYTES, Ingest
from moorage.permissions.http.operations import add_operations
from moorage.permissions.http.operator import OperatorRoutes
from moorage.permissions.http.problems import render_problems
from moorage.permissions.names import Names
from moorage.permissions.ports import Ledger
from moorage.permissions.sources import SourceDeclarations
from moorage.runtime.health import Health, add_health


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes drive."""

    ledger: Ledger
    authority: LocalAuthority
    apply: Apply
    authentication: Authentication
    declarations: SourceDeclarations
    health: Health
    registry: CollectorRegistry


def internal_app(services: Services, service_token: SecretStr | None) -> web.Application:
    """The application; served on an internal address only (R151)."""
    app = web.Application(middlewares=[render_problems], client_max_size=MAX_BYTES)
    gateways, others = GatewayGuard(service_token), ServiceGuard(services.authentication)
    add_operations(app, services.authority, gateways)
    feed = FeedRoutes(services.authority, gateways)
    app.router.add_get("/internal/v1/snapshot", feed.snapshot)
    app.router.add_get("/internal/v1/changes", feed.changes)
    app.on_shutdown.append(feed.end_streams)
    app.router.add_post("/internal/v1/facts", Ingest(services.ledger, services.apply, others).facts)
    operator = OperatorRoutes(services.declarations, Names(services.ledger), others)
    app.router.add_post("/internal/v1/sources", operator.declare)
    app.router.add_get("/internal/v1/sources", operator.sources)
    app.router.add_get("/internal/v1/ids", operator.ids)
    add_health(app, services.health, services.registry)
    return app
