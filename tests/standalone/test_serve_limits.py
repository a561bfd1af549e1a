"""Settings of the gateway that a standalone registry obeys as well."""

import asyncio
from pathlib import Path

import pytest

from servers.registry import StandaloneRegistry

FAR_BELOW_THE_DEFAULT = 8.0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("workers", [1, 2])
async def test_a_slow_head_has_the_time_that_is_set(tmp_path: Path, workers: int) -> None:
    """In the process that serves alone, and in workers."""
    environment = {"MOORAGE_GATEWAY_HEADER_SECONDS": "0.2"}
    async with StandaloneRegistry(tmp_path, workers=workers, environment=environment) as registry:
        host, _, port = registry.address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /v2/ HT")
        async with asyncio.timeout(FAR_BELOW_THE_DEFAULT):
            assert await reader.read() == b""
        writer.close()
