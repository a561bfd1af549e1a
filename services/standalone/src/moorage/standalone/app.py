"""Wires permissions, storage and gateway, through the ports they have anyway: in one process, or with workers."""

import logging
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from aiohttp import web
from pydantic import SecretStr

from moorage.gateway.app import open_gateway
from moorage.gateway.keys import KeyRing, KeysUnusable
from moorage.gateway.settings import GatewaySettings
from moorage.permissions.adapters.pepper import PepperUnsafe
from moorage.permissions.app import Permissions, open_permissions
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.clock import SystemClock
from moorage.runtime.health import Health
from moorage.runtime.metrics import HttpMetrics
from moorage.runtime.migration_files import MigrationError
from moorage.runtime.postgres import DatabaseRefused, DatabaseUnavailable, InvalidDatabaseAddress
from moorage.runtime.serving import Listener
from moorage.standalone.data_folder import DataFolder, usable
from moorage.standalone.demo import USERS, WORKSPACE, demo_facts
from moorage.standalone.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from moorage.standalone.errors import DatabaseUnusable, SecretsUnusable
from moorage.standalone.messages import Orders
from moorage.standalone.numbers import numbers_of_all
from moorage.standalone.place import Place
from moorage.standalone.settings import StandaloneSettings
from moorage.standalone.sockets import url
from moorage.standalone.storage_of import storage_of
from moorage.standalone.tokens import DemoTokens
from moorage.standalone.workers import Workers
from moorage.storage.app import open_storage

WINDING_UP_SECONDS: Final = 3.0
"""What a worker takes to stop beside the requests in flight; drained is all within half a minute (R160)."""
CONNECTIONS: Final = 10
MOST_CONNECTIONS: Final = 64
"""To PostgreSQL, all workers together: an embedded server takes a hundred, and permissions has its own."""


@dataclass(frozen=True, slots=True)
class Registry:
    """A whole registry that is open: what to serve, and how it is. `minted`: the demo's tokens were made just now.

    Either this process serves `public`, or the workers do; they need the internal application to be served first.
    """

    public: Listener | None
    workers: Workers
    internal: web.Application
    health: Health
    metrics: HttpMetrics
    minted: bool


@asynccontextmanager
async def open_registry(settings: StandaloneSettings, place: Place) -> AsyncIterator[Registry]:
    """Opens everything, migrations and the demo's facts included; closed in reverse order. Raises StartRefused."""
    async with AsyncExitStack() as stack:
        with told():
            registry = await _open(settings, place, stack)
        yield registry


async def _open(settings: StandaloneSettings, place: Place, stack: AsyncExitStack) -> Registry:
    folder, several = place.folder, settings.workers > 1
    folder.note_database(is_elsewhere=settings.database is not None)
    dsn = SecretStr(settings.database or await _embedded(folder, stack))
    token = SecretStr(secrets.token_urlsafe(32)) if several else None
    permissions = await stack.enter_async_context(
        open_permissions(PermissionsSettings(database_url=dsn, secrets_dir=folder.secrets, service_token=token))
    )
    # Every gateway of an earlier run has ended: the folder was locked as long as one of them lived.
    await permissions.authority.gateways.all_gone()
    with usable(folder.operator):
        secret = await permissions.operator(folder.operator)
    minted = settings.demo and await _seed(permissions, secret, place)
    workers = Workers(
        settings.workers if several else 0,
        partial(_orders, settings, place, dsn, token),
        permissions.authority,
        settings.drain_seconds + WINDING_UP_SECONDS,
        permissions.registry,
    )
    public, health = None, workers.health
    if several:
        KeyRing(folder.secrets, SystemClock())  # made here, where nobody else makes one at the same time
    else:
        public, health = await _serving_here(place, permissions, dsn, stack)
    health = Health.joined(permissions.health, health)
    internal = permissions.internal_app(health)
    internal.middlewares.append(numbers_of_all(permissions.registry, workers))
    return Registry(public, workers, internal, health, HttpMetrics(permissions.registry), minted)


async def _serving_here(
    place: Place, permissions: Permissions, dsn: SecretStr, stack: AsyncExitStack
) -> tuple[Listener, Health]:
    """Gateway and storage in this process: what they serve and where, and how they are."""
    folder = place.folder
    storage = await stack.enter_async_context(open_storage(storage_of(dsn, folder.blobs)))
    storage.add_to(permissions.registry)
    settings = GatewaySettings(public_url=place.public_url, secrets_dir=folder.secrets)
    gateway = await stack.enter_async_context(
        open_gateway(settings, permissions.authority, permissions.authority, storage.content)
    )
    public = Listener("public", gateway.public_app(), sock=place.public, header_time=settings.header_time)
    return public, Health.joined(storage.health, gateway.health)


def _orders(settings: StandaloneSettings, place: Place, dsn: SecretStr, token: SecretStr | None, number: int) -> Orders:
    """What a worker does in a process of its own."""
    return Orders(
        number=number,
        parent=os.getpid(),
        public=place.public.fileno(),
        lock=place.lock,
        database=dsn.get_secret_value(),
        service_token=token.get_secret_value() if token else "",
        connections=min(CONNECTIONS, max(MOST_CONNECTIONS // settings.workers, 2)),
        blobs=str(place.folder.blobs),
        secrets=str(place.folder.secrets),
        public_url=place.public_url,
        permissions_url=url(place.internal),
        keeps=number == 1,
        drain_seconds=settings.drain_seconds,
        log_level=logging.getLevelName(logging.getLogger().getEffectiveLevel()),
        uvloop=settings.use_uvloop,
    )


async def _seed(permissions: Permissions, secret: str, place: Place) -> bool:
    """The demo's facts, by the same path as everybody's, and its tokens; whether any had to be minted."""
    await permissions.ingest(demo_facts("local", datetime.now(UTC).isoformat()).splitlines())
    tokens = DemoTokens(permissions.authority, secret, place.credentials)
    return await tokens.ensure(place.address, WORKSPACE, USERS)


async def _embedded(folder: DataFolder, stack: AsyncExitStack) -> str:
    server = await stack.enter_async_context(await EmbeddedPostgres.open(folder.postgres))
    return server.dsn


@contextmanager
def told() -> Iterator[None]:
    """What can stand in the way of a start, as StartRefused."""
    try:
        yield
    except EmbeddedPostgresError as error:
        raise DatabaseUnusable(str(error), "Or use a PostgreSQL server of your own with --database.") from error
    except InvalidDatabaseAddress as error:
        raise DatabaseUnusable(str(error), "Write it as postgresql://USER:PASSWORD@HOST/DATABASE.") from None
    except (DatabaseRefused, DatabaseUnavailable) as error:
        raise DatabaseUnusable(f"PostgreSQL can't be used: {error}", "Check that it runs, and its address.") from None
    except MigrationError as error:
        raise DatabaseUnusable(str(error), "Use the version of Moorage that the data was made with.") from None
    except (KeysUnusable, PepperUnsafe) as error:
        raise SecretsUnusable(str(error), "Restore the folder `secrets` from a backup, or check its mode.") from None
