"""Which address is the client's: what proxies of ours say of it counts, nobody else's word (R133). Pure."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network

_MOST_HOPS: Final = 20


def networks(text: str) -> tuple[Network, ...]:
    """The networks that a comma-separated list names. Raises ValueError."""
    return tuple(ip_network(each.strip()) for each in text.split(",") if each.strip())


def client_address(peer: str, chain: Sequence[str], proxies: Sequence[Network]) -> str:
    """Each hop is told of by the one after it, so the last that is no proxy of ours is the client."""
    address = peer
    for told in reversed(chain[-_MOST_HOPS:]):
        if not _is_among(address, proxies) or not _is_address(told.strip()):
            break
        address = told.strip()
    return address


def _is_among(text: str, proxies: Sequence[Network]) -> bool:
    if not _is_address(text):
        return False
    address = ip_address(text)
    if isinstance(address, IPv6Address):  # a socket for both families tells of IPv4 so
        address = address.ipv4_mapped or address
    return any(address in network for network in proxies)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
