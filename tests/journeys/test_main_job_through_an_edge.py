"""The main job with an edge before the services: nginx takes the bytes of blobs straight to storage."""

import hashlib
import json
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from faults.waiting import until_true
from journeys.main_job import TOOL, MainJob, grant
from moorage.standalone.demo import USERS, demo_facts
from servers.kafka import KafkaBroker
from servers.services_apart import ServicesApart

pytestmark = pytest.mark.timeout(300)

CONTENT: Final = os.urandom(1 << 20)
DIGEST: Final = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
INSIDE: Final = re.compile(r"[Mm]oorage-(?!Decision-Id)|[0-9a-f]{8}-[0-9a-f]{4}-")


class TestTheMainJobThroughAnEdge(MainJob):
    """The same story, told by real clients that come to nginx."""

    @pytest.fixture
    async def registry(self, tmp_path: Path, fresh_dsn: str, kafka: KafkaBroker) -> AsyncIterator[ServicesApart]:
        async with ServicesApart(tmp_path / "services", fresh_dsn, kafka, edge=True) as registry:
            facts = [json.loads(line) for line in demo_facts("/tests", "2026-11-24T10:00:00Z").splitlines()]
            await registry.tell(facts)
            await registry.applied()
            await registry.mint(USERS)
            yield registry

    async def test_bytes_and_refusals(self, registry: ServicesApart) -> None:
        """What is special about an edge, at one site: starting it takes longer than asking."""
        await bytes_pass_nginx_and_storage_only(registry)
        await nothing_inside_is_reached_from_outside(registry)
        await what_is_refused_is_refused_in_the_gateways_words(registry)
        await who_is_away_is_an_answer(registry)


async def bytes_pass_nginx_and_storage_only(registry: ServicesApart) -> None:
    """A chunk, a close, a blob and a range of it; the answers are those of a gateway, without what is inside."""
    async with aiohttp.ClientSession(f"http://{registry.address}") as client:
        bearer = await bearer_of(client, registry, "alice", "pull,push")
        async with client.post(f"/v2/{TOOL}/blobs/uploads/", headers=bearer) as opened:
            assert opened.status == 202, await opened.text()
            place = opened.headers["Location"]
        async with client.patch(place, headers=bearer, data=CONTENT) as appended:
            assert (appended.status, appended.headers["Location"]) == (202, place), await appended.text()
            assert appended.headers["Range"] == f"0-{len(CONTENT) - 1}"
            assert told_inside(appended, but=("Location", "Docker-Upload-UUID")) == []
            assert appended.headers["Moorage-Decision-Id"]
        async with client.patch(place, headers=bearer | {"Content-Range": "5-6"}, data=b"ab") as refused:
            assert (refused.status, refused.headers["Location"]) == (416, place), await refused.text()
        async with client.put(place, headers=bearer, params={"digest": DIGEST}) as closed:
            assert (closed.status, closed.headers["Location"]) == (201, f"/v2/{TOOL}/blobs/{DIGEST}")
            assert told_inside(closed) == []
        async with client.get(f"/v2/{TOOL}/blobs/{DIGEST}", headers=bearer) as got:
            assert (got.status, got.headers["Docker-Content-Digest"]) == (200, DIGEST)
            assert (await got.read(), told_inside(got)) == (CONTENT, [])
        async with client.get(f"/v2/{TOOL}/blobs/{DIGEST}", headers=bearer | {"Range": "bytes=7-9"}) as part:
            assert (part.status, await part.read()) == (206, CONTENT[7:10])
    await until_true(lambda: log_of(registry, "gateway").count("/edge/v1/admit") >= 5)
    assert f"/v2/{TOOL}/blobs/{DIGEST}" not in log_of(registry, "gateway")


async def what_is_refused_is_refused_in_the_gateways_words(registry: ServicesApart) -> None:
    """No credential, no right, a right that was taken away, a forged capability; storage is never asked."""
    async with aiohttp.ClientSession(f"http://{registry.address}") as client:
        bearer = await push_blob(client, registry)
        blob = f"/v2/{TOOL}/blobs/{DIGEST}"
        async with client.get(blob) as nobody:
            assert (nobody.status, await code_of(nobody)) == (401, "UNAUTHORIZED")
            [challenge] = nobody.headers.getall("WWW-Authenticate")
            assert challenge.startswith("Bearer realm=")
        async with client.get("/v2") as ping:
            assert (ping.status, await code_of(ping)) == (401, "UNAUTHORIZED")
        async with client.get(blob, headers={"Authorization": f"Bearer {'x' * 12_000}"}) as large:
            assert (large.status, await code_of(large)) == (401, "UNAUTHORIZED")
        mallory = await bearer_of(client, registry, "mallory", "pull,push")
        async with client.get(blob, headers=mallory) as hidden:
            assert (hidden.status, await code_of(hidden)) == (404, "NAME_UNKNOWN")
        async with client.get(blob, headers=mallory | {"Moorage-Capability": "forged"}) as forged:
            assert (forged.status, await code_of(forged)) == (404, "NAME_UNKNOWN")
        session = f"/v2/{TOOL}/blobs/uploads/6f0e1a4c-0000-4000-8000-000000000002"
        async with client.patch(session, headers=bearer, data=b"abc") as unknown:
            assert (unknown.status, await code_of(unknown)) == (404, "BLOB_UPLOAD_UNKNOWN")
        carol = await bearer_of(client, registry, "carol", "pull")
        async with client.get(blob, headers=carol) as before:
            assert (before.status, await before.read()) == (200, CONTENT)
        await registry.tell([grant("hello", "carol", "none")])
        await registry.applied()
        async with client.get(blob, headers=carol) as after:
            assert after.status == 404


async def who_is_away_is_an_answer(registry: ServicesApart) -> None:
    """503 in the specification's form, and all is well when it is back."""
    async with aiohttp.ClientSession(f"http://{registry.address}") as client:
        bearer = await push_blob(client, registry)
        await registry.storages[0].kill()
        async with client.get(f"/v2/{TOOL}/blobs/{DIGEST}", headers=bearer) as away:
            assert (away.status, await code_of(away)) == (503, "UNAVAILABLE")
            assert int(away.headers["Retry-After"]) > 0
        await registry.gateways[0].kill()
        for path in (f"/v2/{TOOL}/blobs/{DIGEST}", f"/v2/{TOOL}/manifests/1.0", "/api/v1/images"):
            async with client.get(path, headers=bearer) as away:
                assert (away.status, await code_of(away)) == (503, "UNAVAILABLE")
        await registry.start_storage(0)
        await registry.start_gateway(0)
        async with client.get(f"/v2/{TOOL}/blobs/{DIGEST}", headers=bearer) as back:
            assert (back.status, await back.read()) == (200, CONTENT)


async def nothing_inside_is_reached_from_outside(registry: ServicesApart) -> None:
    """The admission of the edge, health and storage's own paths are no addresses of the edge."""
    async with aiohttp.ClientSession(f"http://{registry.address}") as client:
        for path in ("/_moorage_admission", "/edge/v1/admit", "/metrics", "/readyz", "/internal/v1/images/x"):
            async with client.get(path) as answer:
                assert answer.status in (401, 404), path
                assert "Moorage-Capability" not in answer.headers


async def bearer_of(client: aiohttp.ClientSession, registry: ServicesApart, user: str, actions: str) -> dict[str, str]:
    """The header that shows a bearer token for the image."""
    login = registry.logins[user]
    basic = {"Authorization": aiohttp.encode_basic_auth(login.username, login.token)}
    query = {"service": "moorage", "scope": f"repository:{TOOL}:{actions}"}
    async with client.get("/token", params=query, headers=basic) as answer:
        return {"Authorization": f"Bearer {(await answer.json())['token']}"}


async def push_blob(client: aiohttp.ClientSession, registry: ServicesApart) -> dict[str, str]:
    """Alice's header, after she pushed the content."""
    bearer = await bearer_of(client, registry, "alice", "pull,push")
    async with client.post(f"/v2/{TOOL}/blobs/uploads/", headers=bearer) as opened:
        place = opened.headers["Location"]
    async with client.put(place, headers=bearer, params={"digest": DIGEST}, data=CONTENT) as closed:
        assert closed.status == 201, await closed.text()
    return bearer


async def code_of(answer: aiohttp.ClientResponse) -> str:
    """The code of an answer's first error."""
    body: dict[str, Any] = await answer.json()
    return str(body["errors"][0]["code"])


def told_inside(answer: aiohttp.ClientResponse, but: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Headers that are for our own services, or name an image by its UUID."""
    allowed = {*but, "Moorage-Decision-Id", "X-Request-Id"}
    return [item for item in answer.headers.items() if item[0] not in allowed and INSIDE.search(": ".join(item))]


def log_of(registry: ServicesApart, service: str) -> str:
    """What a service logged."""
    return (registry.folder / f"{service}.log").read_text(encoding="utf-8")
