"""The processes of services that run apart: open, serve on the internal network, and end when told to."""

import os
from datetime import UTC, datetime
from importlib.resources import files

import structlog

from moorage.permissions.app import Permissions, open_permissions
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.health import Health, add_health
from moorage.runtime.lifecycle import Stop
from moorage.runtime.metrics import HttpMetrics, process_registry
from moorage.runtime.migrations import migrate
from moorage.runtime.schema_role import ensure_schema_role
from moorage.runtime.serving import Listener, serve
from moorage.standalone.data_folder import DataFolder, write_private
from moorage.storage.app import SCHEMA, open_storage
from moorage.storage.http.application import application
from moorage.storage.settings import StorageSettings


async def run_permissions(settings: PermissionsSettings, stop: Stop) -> None:
    """Permissions in a process of its own. Its folder of secrets has what operator commands need (`--data`)."""
    structlog.get_logger().info("Starting permissions.", **settings.masked())
    folder = DataFolder(settings.secrets_dir)
    async with open_permissions(settings) as permissions:
        await _keep_operator(permissions, folder)
        listeners = [Listener("internal", permissions.internal_app(), settings.host, settings.port)]
        async with serve(listeners, permissions.health, HttpMetrics(permissions.registry)) as places:
            with folder.announced(_announcement(*places["internal"])):
                await stop.wait()


def _announcement(host: str, port: int) -> dict[str, object]:
    started = datetime.now(UTC).isoformat(timespec="seconds")
    return {"url": f"http://{host}:{port}", "pid": os.getpid(), "started_at": started}


async def _keep_operator(permissions: Permissions, folder: DataFolder) -> None:
    secret = await permissions.bootstrap()
    if secret is not None:
        write_private(folder.operator, {"username": "operator", "secret": secret})
        structlog.get_logger().info("The operator's credential was made.", file=str(folder.operator))


async def run_storage(settings: StorageSettings, stop: Stop) -> None:
    """Storage in a process of its own, for gateways that show the service token."""
    structlog.get_logger().info("Starting storage.", **settings.masked())
    token = settings.service_token.get_secret_value() if settings.service_token else ""
    numbers, health = process_registry(), Health()
    async with open_storage(settings) as storage:
        app = application(storage.content, token)
        add_health(app, health, numbers)
        async with serve([Listener("internal", app, settings.host, settings.port)], health, HttpMetrics(numbers)):
            await stop.wait()


async def migrate_storage(dsn: str) -> None:
    """Brings storage's schema to the version of the code, as `open_storage` does at every start."""
    role = await ensure_schema_role(dsn, SCHEMA)
    await migrate(dsn, SCHEMA, files("moorage.storage.postgres.migrations"), role=role)
