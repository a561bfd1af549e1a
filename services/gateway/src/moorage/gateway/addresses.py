"""Which address is the client's: what proxies of ours say of it counts, nobody else's word (R133). Pure."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MOST_HOPS: Final = 20
_PORT: Final = re.compile(r"(:[0-9]{1,5})?")


def networks(text: str) -> tuple[Network, ...]:
    """The networks that a comma-separated list names. Raises ValueError."""
    return tuple(ip_network(each.strip()) for each in text.split(",") if each.strip())


def client_address(peer: str, chain: Sequence[str], proxies: Sequence[Network]) -> str:
    """Each hop is told of by the one after it, so the last that is no proxy of ours is the client."""
    address = peer
    for told in reversed(chain[-_MOST_HOPS:]):
        hop = _told(told.strip())
        if hop is None or not _is_among(address, proxies):
            break
        address = str(hop)
    return address


def one_client(address: str) -> str:
    """What limits are kept by: a site is given a whole /64 of IPv6, and has as many addresses there as it likes."""
    known = _plain(address)
    if isinstance(known, IPv6Address):
        return str(IPv6Network((int(known) >> 64 << 64, 64)))
    return str(known) if known else address


def _is_among(text: str, proxies: Sequence[Network]) -> bool:
    address = _plain(text)
    return address is not None and any(address in network for network in proxies)


def _told(hop: str) -> Address | None:
    """The address of a hop, as proxies write it: `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]`, `[::1]:80`."""
    if hop.startswith("["):
        text, bracket, port = hop[1:].partition("]")
        return _plain(text) if bracket and ":" in text and _PORT.fullmatch(port) else None
    text, colon, port = hop.partition(":")
    return _plain(text) if colon and "." in text and _PORT.fullmatch(colon + port) else _plain(hop)


def _plain(text: str) -> Address | None:
    """The address without a zone; a socket for both families tells of IPv4 as of IPv6."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
