"""Whose address counts: forwarded ones only from proxies of ours (R133)."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.site import open_site
from moorage.gateway.addresses import client_address, networks, one_client
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
        ("10.0.0.1", ["2.2.2.2:80"], "2.2.2.2"),
        ("10.0.0.1", ["[2001:db8::7]"], "2001:db8::7"),
        ("10.0.0.1", ["[2001:DB8::7]:443", "10.0.0.2:80"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["::ffff:2.2.2.2"], "2.2.2.2"),
        ("10.0.0.1", ["[2.2.2.2]"], "10.0.0.1"),
        ("10.0.0.1", ["2.2.2.2:port"], "10.0.0.1"),
        ("10.0.0.1", ["[2001:db8::7"], "10.0.0.1"),
        ("10.0.0.1", ["[2001:db8::7]x"], "10.0.0.1"),
        ("10.0.0.1", ["2001:db8::7%eth0"], "2001:db8::7"),
        ("10.0.0.1", ["10.0.0.2"] * 10_000 + ["x"], "10.0.0.1"),
        ("", ["2.2.2.2"], ""),
    ],
)
def test_the_last_that_is_no_proxy_is_the_client(peer: str, chain: list[str], client: str) -> None:
    """What stands before it is the client's own word."""
    assert client_address(peer, chain, OURS) == client


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("2.2.2.2", "2.2.2.2"),
        ("::ffff:2.2.2.2", "2.2.2.2"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("unknown", "unknown"),
    ],
)
def test_limits_are_kept_by_what_one_site_is_given(address: str, client: str) -> None:
    """An address of IPv4, and sixty-four bits of IPv6."""
    assert one_client(address) == client


def test_what_is_no_network_is_refused_at_the_start() -> None:
    """Not believed to be one."""
    with pytest.raises(ValidationError):
        GatewaySettings(trusted_proxies="10.0.0.0/8, proxy")


async def test_a_site_has_one_allowance_for_all_its_addresses(tmp_path: Path) -> None:
    """Of IPv6, where it may take a new one for each request."""
    async with open_site(tmp_path, requests_per_second_per_address=1, trusted_proxies="127.0.0.0/8") as site:
        for prefix in ("2001:db8:0:1", "2001:db8:0:2"):
            answers = [
                await site.ask("GET", "/v2/", headers={"X-Forwarded-For": f"[{prefix}::{number}]:443"})
                for number in range(15)
            ]
            assert {answer.status for answer in answers} == {401, 429}
            assert answers[0].status == 401


@pytest.mark.parametrize(("proxies", "statuses"), [(None, {401, 429}), ("127.0.0.0/8", {401})])
async def test_limits_are_of_the_client(tmp_path: Path, proxies: str | None, statuses: set[int]) -> None:
    """Behind a proxy of ours each client has its own; without one a header changes nothing."""
    async with open_site(tmp_path, requests_per_second_per_address=1, trusted_proxies=proxies) as site:
        answers = [
            await site.ask("GET", "/v2/", headers={"X-Forwarded-For": f"9.9.9.9, 2.2.2.{number}"})
            for number in range(15)
        ]
        assert {answer.status for answer in answers} == statuses
