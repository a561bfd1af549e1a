"""The gateway as a process sees it: settings, health, opening and closing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import ValidationError

from contracts.storage_parts import MemoryStorage
from gateway.site import Site
from gateway.village import Village
from gateway.village_order import beginning
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Frame
from moorage.access.packed import Packed
from moorage.access.problems import ServiceUnavailable
from moorage.access.sums import WorkspaceSum
from moorage.access.sync_wire import FleetAnswer, FleetReport
from moorage.gateway.app import open_gateway
from moorage.gateway.consistency import Bounds
from moorage.gateway.settings import GatewaySettings
from moorage.runtime.clock import FixedClock


async def test_the_internal_listener_tells_how_it_is(site: Site) -> None:
    """Ready at head with a living stream; not when frames have stopped (§2.6). Nothing of it is public (R151)."""
    site.gateway.health.started()
    async with TestClient(TestServer(site.gateway.internal_app())) as internal:
        assert (await internal.get("/readyz")).status == 200
        site.village.frozen = True
        site.clock.advance(timedelta(seconds=6))
        answer = await internal.get("/readyz")
        assert answer.status == 503
        assert "change stream" in (await answer.json())["missing"]["replica"]
        assert (await internal.get("/livez")).status == 200
    for path in ("/readyz", "/metrics", "/internal/v1/check"):
        assert (await site.ask("GET", path)).status == 404


async def test_an_image_name_leaves_room_for_the_host(site: Site) -> None:
    """Together they have 255 characters (R2)."""
    longest = 255 - len("registry.example/")
    for length, status in ((longest, 404), (longest + 1, 400)):
        name = "acme/" + "/".join(["a" * 99] * 3)
        name = name[: length - 1] + "b"
        assert len(name) == length
        answer = await site.ask("GET", f"/v2/{name}/tags/list", auth=site.basic("dave"))
        assert answer.status == status


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With one prefix; durations are seconds."""
    monkeypatch.setenv("MOORAGE_GATEWAY_PUBLIC_URL", "https://registry.example/")
    monkeypatch.setenv("MOORAGE_GATEWAY_STALENESS_PULL", "30")
    monkeypatch.setenv("MOORAGE_GATEWAY_SERVICE_TOKEN", "hush")
    settings = GatewaySettings(secrets_dir=tmp_path)
    assert settings.realm == "https://registry.example/token"
    assert settings.bounds == Bounds(pull=30)
    assert "hush" not in str(settings.masked())


@pytest.mark.parametrize(
    ("name", "value"),
    [("token_seconds", 59), ("public_url", "registry.example"), ("staleness_pull", 0), ("unknown", 1)],
)
def test_settings_that_make_no_sense_stop_the_start(name: str, value: object) -> None:
    """Before anything connects."""
    with pytest.raises(ValidationError):
        GatewaySettings.model_validate({name: value})


class Refusal(Exception):
    """What whoever opened the gateway raises."""


async def test_what_goes_wrong_beside_a_gateway_comes_out_as_it_is(tmp_path: Path) -> None:
    """A caller catches its own exceptions, without knowing of tasks inside."""
    village = Village(FixedClock(beginning()))
    refusal = Refusal()
    with pytest.raises(Refusal) as raised:
        async with open_gateway(GatewaySettings(secrets_dir=tmp_path), village, village, MemoryStorage().content):
            raise refusal
    assert raised.value is refusal


class Broken:
    """A feed with a bug: it fails in a way that no port promises."""

    async def report(self, report: FleetReport) -> FleetAnswer:
        """Nobody is there."""
        raise ServiceUnavailable("nobody is there")

    async def snapshot(self, workspace: UUID | None, at_least: ConsistencyToken | None = None) -> Packed:
        """See the class."""
        raise ZeroDivisionError

    async def sum(self, workspace: UUID) -> WorkspaceSum:
        """See the class."""
        raise ZeroDivisionError

    def changes(self, after: ConsistencyToken) -> AsyncIterator[Frame]:
        """See the class."""
        raise ZeroDivisionError


async def test_a_gateway_that_can_not_follow_is_not_left_open(tmp_path: Path) -> None:
    """A bug in the follower cancels whoever opened the gateway, and is told."""
    village = Village(FixedClock(beginning()))
    with pytest.raises(ExceptionGroup) as raised:
        async with open_gateway(GatewaySettings(secrets_dir=tmp_path), village, Broken(), MemoryStorage().content):
            await asyncio.Event().wait()
    assert raised.group_contains(ZeroDivisionError)
