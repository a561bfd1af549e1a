"""Wires permissions, storage and gateway in one process, through the ports they have anyway."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web
from pydantic import SecretStr

from moorage.gateway.app import open_gateway
from moorage.gateway.keys import KeysUnusable
from moorage.gateway.settings import GatewaySettings
from moorage.permissions.adapters.pepper import PepperUnsafe
from moorage.permissions.app import Permissions, open_permissions
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.health import Health
from moorage.runtime.metrics import HttpMetrics
from moorage.runtime.migration_files import MigrationError
from moorage.runtime.postgres import DatabaseRefused, DatabaseUnavailable, InvalidDatabaseAddress
from moorage.standalone.data_folder import DataFolder, usable
from moorage.standalone.demo import USERS, WORKSPACE, demo_facts
from moorage.standalone.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from moorage.standalone.errors import DatabaseUnusable, SecretsUnusable
from moorage.standalone.place import Place
from moorage.standalone.settings import StandaloneSettings
from moorage.standalone.tokens import DemoTokens
from moorage.storage.app import open_storage
from moorage.storage.settings import StorageSettings


@dataclass(frozen=True, slots=True)
class Registry:
    """A whole registry that is open: what to serve, and how it is. `minted`: the demo's tokens were made just now."""

    public: web.Application
    internal: web.Application
    health: Health
    metrics: HttpMetrics
    minted: bool


@asynccontextmanager
async def open_registry(settings: StandaloneSettings, place: Place) -> AsyncIterator[Registry]:
    """Opens everything, migrations and the demo's facts included; closed in reverse order. Raises StartRefused."""
    async with AsyncExitStack() as stack:
        with _told():
            registry = await _open(settings, place, stack)
        yield registry


async def _open(settings: StandaloneSettings, place: Place, stack: AsyncExitStack) -> Registry:
    folder = place.folder
    dsn = SecretStr(settings.database or await _embedded(folder, stack))
    permissions = await stack.enter_async_context(
        open_permissions(PermissionsSettings(database_url=dsn, secrets_dir=folder.secrets))
    )
    with usable(folder.operator):
        secret = await permissions.operator(folder.operator)
    minted = settings.demo and await _seed(permissions, secret, place)
    storage = await stack.enter_async_context(open_storage(StorageSettings(database_url=dsn, data_folder=folder.blobs)))
    storage.collection.add_to(permissions.registry)
    gateway = await stack.enter_async_context(
        open_gateway(
            GatewaySettings(public_url=place.public_url, secrets_dir=folder.secrets),
            permissions.authority,
            permissions.authority,
            storage.content,
        )
    )
    health = Health.joined(permissions.health, storage.health, gateway.health)
    metrics = HttpMetrics(permissions.registry)
    return Registry(gateway.public_app(), permissions.internal_app(health), health, metrics, minted)


async def _seed(permissions: Permissions, secret: str, place: Place) -> bool:
    """The demo's facts, by the same path as everybody's, and its tokens; whether any had to be minted."""
    await permissions.ingest(demo_facts("local", datetime.now(UTC).isoformat()).splitlines())
    tokens = DemoTokens(permissions.authority, secret, place.credentials)
    return await tokens.ensure(place.address, WORKSPACE, USERS)


async def _embedded(folder: DataFolder, stack: AsyncExitStack) -> str:
    server = await stack.enter_async_context(await EmbeddedPostgres.open(folder.postgres))
    return server.dsn


@contextmanager
def _told() -> Iterator[None]:
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
