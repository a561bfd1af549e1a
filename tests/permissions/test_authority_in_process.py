"""The authority in process keeps its contract, over memory and over PostgreSQL."""

from typing import cast

import pytest

from contracts.authority import AuthorityContract, Site
from contracts.authority_feed import AuthorityFeedContract, Source
from moorage.gateway.ports import Authority, AuthorityFeed
from moorage.permissions.authority import LocalAuthority


def satisfies_the_gateways_ports(authority: LocalAuthority) -> tuple[Authority, AuthorityFeed]:
    """Checked by mypy: the service is what gateways need."""
    return authority, authority


class TestMemoryAuthority(AuthorityContract):
    """Over memory."""

    @pytest.fixture
    async def site(self, memory_site: Site) -> Site:
        """See the contract."""
        return memory_site


class TestPostgresAuthority(AuthorityContract):
    """Over PostgreSQL."""

    @pytest.fixture
    async def site(self, postgres_site: Site) -> Site:
        """See the contract."""
        return postgres_site


class TestMemoryFeed(AuthorityFeedContract):
    """Over memory."""

    @pytest.fixture
    async def source(self, memory_site: Site) -> Source:
        """See the contract."""
        return Source(cast(LocalAuthority, memory_site.authority), memory_site)


class TestPostgresFeed(AuthorityFeedContract):
    """Over PostgreSQL."""

    @pytest.fixture
    async def source(self, postgres_site: Site) -> Source:
        """See the contract."""
        return Source(cast(LocalAuthority, postgres_site.authority), postgres_site)
