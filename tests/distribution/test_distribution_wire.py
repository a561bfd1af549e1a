"""The wire contract, against the handlers on memory, and through the client and storage's own HTTP server."""

from collections.abc import AsyncIterator

import pytest

from contracts.distribution_wire import DistributionWireContract
from contracts.storage_parts import MemoryStorage
from contracts.wire_client import WireRegistry
from distribution.served import client_session, registry_on, served
from moorage.distribution.client import DistributionClient
from moorage.storage.http.application import application

SERVICE_TOKEN = "mrg_svc_for_tests_only"


class TestHandlersOnMemory(DistributionWireContract):
    """In process: as the standalone registry is wired."""

    @pytest.fixture
    async def registry(self) -> AsyncIterator[WireRegistry]:
        """One server on memory."""
        async with served(registry_on(MemoryStorage().content)) as url, client_session() as session:
            yield WireRegistry(session, url, "acme/app", "acme/tools/other")


class TestHandlersOnStorage(DistributionWireContract):
    """Over HTTP: as gateway and storage are wired."""

    @pytest.fixture
    async def registry(self) -> AsyncIterator[WireRegistry]:
        """A front server whose content is the client of a storage server on memory."""
        async with served(application(MemoryStorage().content, SERVICE_TOKEN)) as storage, client_session() as session:
            content = DistributionClient(session, storage, SERVICE_TOKEN)
            async with served(registry_on(content)) as url:
                yield WireRegistry(session, url, "acme/app", "acme/tools/other")
