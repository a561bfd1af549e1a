"""The composition root: a first start from nothing, and what a second one finds."""

from pathlib import Path

from pydantic import SecretStr

from moorage.access import wire
from moorage.access.action import Action
from moorage.access.principal import PrincipalKind
from moorage.access.reason import Reason
from moorage.permissions.app import open_permissions
from moorage.permissions.settings import PermissionsSettings
from permissions.sample_facts import small_workspace


async def test_a_second_start_knows_everything(fresh_dsn: str, tmp_path: Path) -> None:
    """Facts, images and credentials are durable; the operator's secret is shown once."""
    settings = PermissionsSettings(database_url=SecretStr(fresh_dsn), secrets_dir=tmp_path / "secrets")
    async with open_permissions(settings) as permissions:
        secret = await permissions.bootstrap()
        assert secret is not None
        await permissions.ingest(small_workspace())
        operator = await permissions.authority.authenticate(wire.AuthenticateRequest(secret=secret))
        assert operator.identity.kind is PrincipalKind.SERVICE
        token = await permissions.authority.create_token(
            wire.CreateTokenRequest(identity=operator.identity, user="bob", spec=wire.TokenSpec(name="laptop"))
        )
    async with open_permissions(settings) as permissions:
        assert await permissions.bootstrap() is None
        bob = (await permissions.authority.authenticate(wire.AuthenticateRequest(secret=token.secret))).identity
        request = wire.FirstPushRequest(identity=bob, workspace="acme", image="hello/api")
        assert (await permissions.authority.first_push(request)).reason is Reason.OK
        check = wire.CheckRequest(identity=bob, workspace="acme", image="hello/api", action=Action.PULL)
        assert (await permissions.authority.check(check)).reason is Reason.OK


def test_settings_print_no_secret(tmp_path: Path) -> None:
    """Not in a dump at start either (R146)."""
    settings = PermissionsSettings(
        database_url=SecretStr("postgresql://u:hunter2@h/d"),
        secrets_dir=tmp_path,
        service_token=SecretStr("hunter3"),
    )
    assert "hunter" not in f"{settings!r} {settings.masked()}"
