"""A client without manners: it sends exactly the bytes it is told to, and shows everything that comes back."""

import asyncio
import hashlib
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from servers.registry import StandaloneRegistry

HANG_SECONDS: Final = 20.0
EMPTY: Final = b"{}"
IMAGE_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
JSON: Final = ("Content-Type", "application/json")
FORM: Final = ("Content-Type", "application/x-www-form-urlencoded")
_CHANGING: Final = ("date", "x-request-id")

Headers = Sequence[tuple[str, str]]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 if the connection ended without any answer."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes

    def header(self, name: str) -> str:
        """The header's value; empty without one."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def seen(self, secret: str) -> tuple[Any, ...]:
        """All an outsider can compare with another answer: the part of the name that differs is blotted out."""
        kept = [f"{name}: {value}" for name, value in self.headers if name.lower() not in _CHANGING]
        decision = self.header("Moorage-Decision-Id") or secret
        return (
            self.status,
            [line.replace(secret, "*").replace(decision, "#") for line in kept],
            self.body.replace(secret.encode(), b"*").replace(decision.encode(), b"#"),
        )


def digest(content: bytes, algorithm: str = "sha256") -> str:
    """The digest of some bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def manifest(*layers: bytes, **more: Any) -> bytes:
    """An image manifest with the empty config."""
    config = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(EMPTY), "size": len(EMPTY)}
    described = [{"mediaType": "a/layer", "digest": digest(layer), "size": len(layer)} for layer in layers]
    document = {"schemaVersion": 2, "mediaType": IMAGE_TYPE, "config": config, "layers": described, **more}
    return json.dumps(document).encode()


def basic(user: str, secret: str) -> str:
    """A Basic header."""
    return f"Basic {b64encode(f'{user}:{secret}'.encode()).decode()}"


class Attacker:
    """Everybody at once: it holds the token of each of the demo's users, and the operator's credential."""

    def __init__(self, registry: StandaloneRegistry) -> None:
        self.secrets = {name: login.token for name, login in registry.logins.items()}
        self.secrets["operator"] = json.loads((registry.data / "operator.json").read_bytes())["secret"]
        self._public = registry.url
        self._internal = json.loads((registry.data / "internal.json").read_bytes())["url"]

    def basic(self, user: str) -> str:
        """The user's token as a Basic password."""
        return basic(user, self.secrets[user])

    async def bearer(self, user: str | None, *scopes: str) -> str:
        """A bearer token of the user, or an anonymous one."""
        query = urlencode([("scope", scope) for scope in scopes])
        answer = await self.ask("GET", f"/token?{query}", auth=self.basic(user) if user else None)
        return f"Bearer {answer.json['token']}"

    async def ask(
        self,
        method: str,
        path: str,
        *,
        auth: str | None = None,
        headers: Headers = (),
        body: bytes = b"",
        internal: bool = False,
    ) -> Answer:
        """One request on a connection of its own; anything but ASCII in it goes out as Latin-1."""
        lines = [f"{method} {path} HTTP/1.1", "Host: registry.example", "Connection: close"]
        lines += [f"Authorization: {auth}"] * (auth is not None)
        lines += [f"{name}: {value}" for name, value in headers]
        if "transfer-encoding" not in {name.lower() for name, _ in headers}:
            lines.append(f"Content-Length: {len(body)}")
        sent = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
        return answer_in(await self.send(sent, internal=internal))

    async def send(self, sent: bytes, *, internal: bool = False) -> bytes:
        """All that comes back until the server closes. Raises TimeoutError for a hang."""
        async with self._connected(internal=internal) as (reader, writer):
            writer.write(sent)
            try:
                return await reader.read()
            except ConnectionError:
                return b""

    async def begin(self, head: bytes, body: bytes, rest: bytes | None) -> bytes:
        """Sends the body once `head` was told to go on, so in a later packet; all that comes back to `rest`.

        Without a rest it leaves amid the body, without a goodbye.
        """
        async with self._connected() as (reader, writer):
            writer.write(head)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
            writer.write(body)
            await writer.drain()
            if rest is None:
                return b""
            writer.write(rest)
            return await reader.read()

    @asynccontextmanager
    async def _connected(self, *, internal: bool = False) -> AsyncIterator[Connection]:
        place = urlsplit(self._internal if internal else self._public)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        try:
            async with asyncio.timeout(HANG_SECONDS):
                yield reader, writer
        finally:
            writer.transport.abort()

    async def push(self, user: str, name: str, *layers: bytes, tag: str = "latest") -> bytes:
        """Pushes an image; its manifest."""
        auth = self.basic(user)
        for blob in (EMPTY, *layers):
            at_once = f"/v2/{name}/blobs/uploads/?digest={digest(blob)}"
            pushed = await self.ask("POST", at_once, auth=auth, body=blob)
            assert pushed.status == 201, pushed
        made = manifest(*layers)
        put = await self.ask(
            "PUT", f"/v2/{name}/manifests/{tag}", auth=auth, headers=[("Content-Type", IMAGE_TYPE)], body=made
        )
        assert put.status == 201, put
        return made

    async def open_upload(self, user: str, name: str) -> str:
        """Opens an upload session; its path."""
        opened = await self.ask("POST", f"/v2/{name}/blobs/uploads/", auth=self.basic(user))
        assert opened.status == 202, opened
        return opened.header("Location")

    async def image_id(self, user: str, name: str) -> str:
        """The UUID of an image, as its record tells who may read it."""
        found = await self.ask("GET", f"/api/v1/images?name={name}", auth=self.basic(user))
        return str(found.json["images"][0]["id"])

    async def manage(self, method: str, path: str, body: Any = None, *, auth: str | None = None) -> Answer:
        """A request to the management API; bytes go out as they are."""
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return await self.ask(method, path, auth=auth, headers=[JSON], body=sent)


def answer_in(received: bytes) -> Answer:
    """The last answer in what came back: interim ones are skipped."""
    while re.match(rb"HTTP/1\.1 1\d\d ", received):
        received = received.partition(b"\r\n\r\n")[2]
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    found = re.match(r"HTTP/1\.[01] (\d{3}) ", first)
    headers = (line.partition(": ") for line in lines)
    return Answer(int(found[1]) if found else 0, tuple((name, value) for name, _, value in headers), body)
