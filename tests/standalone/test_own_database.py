"""`moorage serve --database`: a PostgreSQL server of one's own, at both ends of the versions that are promised."""

import tempfile
from pathlib import Path

import pytest

from servers.clients import Skopeo
from servers.images import digests_of, multi_arch_layout
from servers.places import CACHE
from servers.registry import StandaloneRegistry

pytestmark = pytest.mark.timeout(300)


async def test_an_image_outlives_a_restart_on_a_server_of_ones_own(every_fresh_dsn: str, tmp_path: Path) -> None:
    """Push, stop, start, pull: nothing of the registry lies in an embedded cluster."""
    layout = multi_arch_layout(CACHE)
    registry = StandaloneRegistry(tmp_path / "registry", "--database", every_fresh_dsn)
    with tempfile.TemporaryDirectory() as home:
        skopeo = Skopeo(registry.address, Path(home))
        async with registry:
            alice = registry.logins["alice"]
            assert (await skopeo.login(alice.username, alice.token)).succeeded
            pushed = await skopeo.push(layout, "acme/hello/tool:1.0")
            assert pushed.succeeded, pushed
        assert not (registry.data / "postgres").exists()
        async with registry:
            pulled = await skopeo.pull("acme/hello/tool:1.0", tmp_path / "pulled")
            assert pulled.succeeded, pulled
    assert digests_of(tmp_path / "pulled") == digests_of(layout)
