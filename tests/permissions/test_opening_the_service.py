"""The composition root: a first start from nothing, and what a second one finds."""

from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from contracts.authority_site import Site
from moorage.access import wire
from moorage.access.action import Action
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta, ImageRow, Row, RowKind
from moorage.access.image import ImageState
from moorage.access.principal import PrincipalKind
from moorage.access.reason import Reason
from moorage.permissions.app import Permissions, open_permissions
from moorage.permissions.image_changes import DETACHED_FOR
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.clock import FixedClock
from permissions.sample_facts import repository, small_workspace


async def test_a_second_start_knows_everything(fresh_dsn: str, tmp_path: Path) -> None:
    """Facts, images and credentials are durable; the operator's secret stays."""
    settings = PermissionsSettings(database_url=SecretStr(fresh_dsn), secrets_dir=tmp_path / "secrets")
    async with open_permissions(settings) as permissions:
        secret = await permissions.operator(tmp_path / "operator.json")
        await permissions.ingest(small_workspace())
        operator = await permissions.authority.authenticate(wire.AuthenticateRequest(secret=secret))
        assert operator.identity.kind is PrincipalKind.SERVICE
        token = await permissions.authority.create_token(
            wire.CreateTokenRequest(identity=operator.identity, user="bob", spec=wire.TokenSpec(name="laptop"))
        )
    async with open_permissions(settings) as permissions:
        assert await permissions.operator(tmp_path / "operator.json") == secret
        bob = (await permissions.authority.authenticate(wire.AuthenticateRequest(secret=token.secret))).identity
        request = wire.FirstPushRequest(identity=bob, workspace="acme", image="hello/api")
        assert (await permissions.authority.first_push(request)).reason is Reason.OK
        check = wire.CheckRequest(identity=bob, workspace="acme", image="hello/api", action=Action.PULL)
        assert (await permissions.authority.check(check)).reason is Reason.OK


async def test_overdue_images_end_by_themselves(fresh_dsn: str, tmp_path: Path) -> None:
    """A detached image ends with its deadline, once the service is open, and replicas are told (§1.9)."""
    settings = PermissionsSettings(database_url=SecretStr(fresh_dsn), secrets_dir=tmp_path / "secrets")
    clock = FixedClock(datetime.now(UTC))  # the database compares with its own clock
    async with open_permissions(settings, clock) as permissions:
        secret = await permissions.operator(tmp_path / "operator.json")
        await permissions.ingest(small_workspace())
        site = Site(permissions.authority, permissions.ingest, permissions.authority.set_workspace, secret)
        await site.image()
        told = await permissions.ingest([repository("hello", state="deleted")])
        assert await permissions.upkeep.expire() == 0
        clock.advance(DETACHED_FOR)
    async with open_permissions(settings, clock) as permissions:
        row = await next_row(permissions, told.token)
    assert row[0] == RowKind.IMAGE
    record = ImageRow.model_validate(row[-1])
    assert (record.name, record.state) == ("hello/api", ImageState.EXPIRED)


async def next_row(permissions: Permissions, after: str) -> Row:
    """The first row after the position, as soon as there is one."""
    async with aclosing(permissions.authority.changes(ConsistencyToken.parse(after))) as frames:
        async for frame in frames:
            if isinstance(frame, Delta):
                return frame.rows[0]
    raise AssertionError("a stream does not end")


def test_settings_print_no_secret(tmp_path: Path) -> None:
    """Not in a dump at start either (R146)."""
    settings = PermissionsSettings(
        database_url=SecretStr("postgresql://u:hunter2@h/d"),
        secrets_dir=tmp_path,
        service_token=SecretStr("hunter3"),
    )
    assert "hunter" not in f"{settings!r} {settings.masked()}"
