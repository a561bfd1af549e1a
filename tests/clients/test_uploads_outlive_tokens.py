"""An upload whose token ends: what was sent is kept, and goes on with another token where it ended (protocol.md §4)."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import pytest

from clients.aging import LEEWAY_SECONDS, LIFE_SECONDS, Aging
from clients.bench import ADMIN
from clients.conftest import Site
from clients.credential import NewCredential
from faults.waiting import until
from hostile.attacker import Answer, Attacker, answer_in, basic, digest

HALF: Final = 200_000
LEFT_SECONDS: Final = 3
"""What is left of a token that will expire: enough to begin a request with it."""

End = Callable[[], Awaitable[None]]


@pytest.fixture
def attacker(site: Site) -> Attacker:
    """It speaks to the registry past all doors."""
    return Attacker(site.registry)


async def _expires(site: Site, attacker: Attacker, scope: str) -> tuple[str, End]:
    """A bearer token that has a few seconds left, and how to wait for its end."""
    fresh = (await attacker.bearer(ADMIN, scope)).removeprefix("Bearer ")
    aging = Aging(site.registry.data / "secrets")
    bearer = f"Bearer {aging.by(fresh, LIFE_SECONDS + LEEWAY_SECONDS - LEFT_SECONDS)}"

    async def ended() -> bool:
        return (await attacker.ask("GET", "/v2/", auth=bearer)).status == 401

    return bearer, lambda: until(ended)


async def _is_revoked(site: Site, attacker: Attacker, scope: str) -> tuple[str, End]:
    """A bearer token of a credential, and how to revoke that."""
    credential = await NewCredential.made(attacker, ADMIN)
    shown = basic(credential.login.username, credential.login.token)
    issued = await attacker.ask("GET", f"/token?scope={scope}", auth=shown)
    return f"Bearer {issued.json['token']}", credential.revoke


class Begun:
    """A request that waits for the rest of its body."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def finish(self, rest: bytes) -> Answer:
        """Sends the rest; what is answered."""
        self._writer.write(rest)
        return answer_in(await self._reader.read())


@asynccontextmanager
async def _begun(site: Site, session: str, auth: str, first: bytes, size: int) -> AsyncIterator[Begun]:
    """A PATCH that the registry has let in, with its first bytes on their way."""
    host, port = site.registry.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = [f"PATCH {session} HTTP/1.1", "Host: registry.example", f"Authorization: {auth}", "Expect: 100-continue"]
    head += ["Connection: close", f"Content-Length: {size}", "", ""]
    try:
        writer.write("\r\n".join(head).encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(first)
        await writer.drain()
        yield Begun(reader, writer)
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("ends", [_expires, _is_revoked])
async def test_an_upload_goes_on_where_its_token_ended(
    ends: Callable[[Site, Attacker, str], Awaitable[tuple[str, End]]], site: Site, attacker: Attacker
) -> None:
    """The request in flight ends well, the next is 401, and another token of the same user finishes the blob."""
    name, blob = f"acme/hello/ends{ends.__name__.replace('_', '-')}", os.urandom(3 * HALF)
    scope = f"repository:{name}:pull,push"
    session = await attacker.open_upload(ADMIN, name)
    bearer, end = await ends(site, attacker, scope)
    async with _begun(site, session, bearer, blob[:HALF], 2 * HALF) as begun:
        await end()
        ended = await begun.finish(blob[HALF : 2 * HALF])
    assert (ended.status, ended.header("Range")) == (202, f"0-{2 * HALF - 1}")
    refused = await attacker.ask("PATCH", session, auth=bearer, body=blob[2 * HALF :])
    assert refused.status == 401
    assert 'error="invalid_token"' in refused.header("WWW-Authenticate")
    other = await attacker.bearer(ADMIN, scope)
    known = await attacker.ask("GET", session, auth=other)
    assert (known.status, known.header("Range")) == (204, f"0-{2 * HALF - 1}")
    rest = [("Content-Range", f"{2 * HALF}-{3 * HALF - 1}")]
    assert (await attacker.ask("PATCH", session, auth=other, headers=rest, body=blob[2 * HALF :])).status == 202
    assert (await attacker.ask("PUT", f"{session}?digest={digest(blob)}", auth=other)).status == 201
    assert (await attacker.ask("GET", f"/v2/{name}/blobs/{digest(blob)}", auth=other)).body == blob


async def test_a_closing_request_with_a_dead_token_closes_nothing(site: Site, attacker: Attacker) -> None:
    """The whole blob is there and only its digest is to come: a 401 to that leaves the session open."""
    name, blob = "acme/hello/closing", os.urandom(HALF)
    scope = f"repository:{name}:pull,push"
    session = await attacker.open_upload(ADMIN, name)
    bearer, end = await _is_revoked(site, attacker, scope)
    assert (await attacker.ask("PATCH", session, auth=bearer, body=blob)).status == 202
    await end()
    closing = f"{session}?digest={digest(blob)}"
    assert (await attacker.ask("PUT", closing, auth=bearer)).status == 401
    other = await attacker.bearer(ADMIN, scope)
    assert (await attacker.ask("GET", session, auth=other)).header("Range") == f"0-{HALF - 1}"
    assert (await attacker.ask("PUT", closing, auth=other)).status == 201
