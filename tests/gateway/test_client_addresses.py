"""Whose address counts: forwarded ones only from proxies of ours (R133)."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.site import open_site
from moorage.gateway.addresses import client_address, networks
from moorage.gateway.settings import GatewaySettings

OURS = networks("10.0.0.0/8, ::1/128")


@pytest.mark.parametrize(
    ("peer", "chain", "client"),
    [
        ("1.1.1.1", [], "1.1.1.1"),
        ("1.1.1.1", ["2.2.2.2"], "1.1.1.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["2.2.2.2"], "2.2.2.2"),
        ("::1", ["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.1", ["3.3.3.3", "2.2.2.2"], "2.2.2.2"),
        ("10.0.0.1", ["3.3.3.3", " 10.0.0.2"], "3.3.3.3"),
        ("10.0.0.1", ["10.0.0.3", "10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["2.2.2.2", "unknown"], "10.0.0.1"),
        ("10.0.0.1", ["2.2.2.2:80"], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.2"] * 10_000 + ["x"], "10.0.0.1"),
        ("", ["2.2.2.2"], ""),
    ],
)
def test_the_last_that_is_no_proxy_is_the_client(peer: str, chain: list[str], client: str) -> None:
    """What stands before it is the client's own word."""
    assert client_address(peer, chain, OURS) == client


def test_what_is_no_network_is_refused_at_the_start() -> None:
    """Not believed to be one."""
    with pytest.raises(ValidationError):
        GatewaySettings(trusted_proxies="10.0.0.0/8, proxy")


@pytest.mark.parametrize(("proxies", "statuses"), [(None, {401, 429}), ("127.0.0.0/8", {401})])
async def test_limits_are_of_the_client(tmp_path: Path, proxies: str | None, statuses: set[int]) -> None:
    """Behind a proxy of ours each client has its own; without one a header changes nothing."""
    async with open_site(tmp_path, requests_per_second_per_address=1, trusted_proxies=proxies) as site:
        answers = [
            await site.ask("GET", "/v2/", headers={"X-Forwarded-For": f"9.9.9.9, 2.2.2.{number}"})
            for number in range(15)
        ]
        assert {answer.status for answer in answers} == statuses
