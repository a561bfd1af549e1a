"""Listening sockets, bound before anything else starts: a taken port is told at once, and no data is touched."""

import errno
import ipaddress
import socket
from urllib.parse import urlunsplit

from moorage.standalone.errors import AddressUnusable, PortTaken


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address. Names other than `localhost` are not trusted to be."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bound(host: str, port: int) -> socket.socket:
    """A socket with this address that does not listen yet; port 0 means any. Raises PortTaken, AddressUnusable."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise AddressUnusable(host, port, error.strerror or str(error)) from None
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(host, port) from None
        raise AddressUnusable(host, port, error.strerror or str(error)) from None
    return opened


def authority(listener: socket.socket) -> str:
    """`host:port` of the socket, as it stands in URLs."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def url(listener: socket.socket) -> str:
    """The address of the socket as a URL without a trailing slash."""
    return urlunsplit(("http", authority(listener), "", "", ""))
