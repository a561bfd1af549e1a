"""Everything at the same time: whatever wins, nothing is half done, lost or resurrected (R16-R18, R89, R154)."""

import asyncio
import os
from collections import Counter
from typing import Final

import pytest

from hostile.attacker import EMPTY, IMAGE_TYPE, Answer, Attacker, digest, manifest

NAME: Final = "acme/hello/raced"
HERE: Final = f"/v2/{NAME}"
ROUNDS: Final = 8
MANIFEST: Final = [("Content-Type", IMAGE_TYPE)]


async def put_manifest(attacker: Attacker, path: str, body: bytes) -> Answer:
    """Pushes a manifest as alice."""
    return await attacker.ask("PUT", path, auth=attacker.basic("alice"), headers=MANIFEST, body=body)


async def test_many_writers_of_one_session_never_mix(attacker: Attacker) -> None:
    """Each chunk is there whole or not at all: its writer was told which."""
    path, alice = await attacker.open_upload("alice", NAME), attacker.basic("alice")
    chunks = [bytes([number]) * 50_000 for number in range(12)]
    answers = await asyncio.gather(*(attacker.ask("PATCH", path, auth=alice, body=chunk) for chunk in chunks))
    assert {answer.status for answer in answers} <= {202, 409}
    taken = [chunk for chunk, answer in zip(chunks, answers, strict=True) if answer.status == 202]
    session = await attacker.ask("GET", path, auth=alice)
    assert session.header("Range") == f"0-{len(taken) * 50_000 - 1}"
    order = sorted(zip(answers, chunks, strict=True), key=lambda pair: end_of(pair[0]))
    whole = b"".join(chunk for answer, chunk in order if answer.status == 202)
    assert (await attacker.ask("PUT", f"{path}?digest={digest(whole)}", auth=alice)).status == 201


def end_of(answer: Answer) -> int:
    """Where a chunk ended."""
    return int(answer.header("Range").rpartition("-")[2] or 0)


async def test_closing_and_cancelling_a_session(attacker: Attacker) -> None:
    """One of them wins; the blob is there exactly if it was the closing."""
    alice = attacker.basic("alice")
    for _ in range(ROUNDS):
        path, blob = await attacker.open_upload("alice", NAME), os.urandom(20_000)
        await attacker.ask("PATCH", path, auth=alice, body=blob)
        closed, ended = await asyncio.gather(
            attacker.ask("PUT", f"{path}?digest={digest(blob)}", auth=alice),
            attacker.ask("DELETE", path, auth=alice),
        )
        assert (closed.status, ended.status) in ((201, 404), (404, 204))
        found = await attacker.ask("GET", f"{HERE}/blobs/{digest(blob)}", auth=alice)
        assert (found.status, found.body == blob) == ((200, True) if closed.status == 201 else (404, False))
        assert (await attacker.ask("GET", path, auth=alice)).status == 404


async def test_closing_a_session_rightly_wrongly_and_again(attacker: Attacker) -> None:
    """At most one 201; under the wrong digest nothing is ever readable."""
    alice, wrong = attacker.basic("alice"), digest(b"something else")
    for _ in range(ROUNDS):
        path, blob = await attacker.open_upload("alice", NAME), os.urandom(20_000)
        await attacker.ask("PATCH", path, auth=alice, body=blob)
        digests = [digest(blob), wrong, digest(blob)]
        answers = await asyncio.gather(
            *(attacker.ask("PUT", f"{path}?digest={each}", auth=alice) for each in digests),
            attacker.ask("PATCH", path, auth=alice, body=b"more"),
        )
        assert {answer.status for answer in answers} <= {201, 202, 400, 404, 409}
        stored = any(answer.status == 201 for answer in answers)
        assert (await attacker.ask("GET", f"{HERE}/blobs/{digest(blob)}", auth=alice)).status == (
            200 if stored else 404
        )
        assert (await attacker.ask("HEAD", f"{HERE}/blobs/{wrong}", auth=alice)).status == 404


async def test_equal_pushes_and_deletions_of_a_blob(attacker: Attacker) -> None:
    """Every push is told 201 and leaves the whole blob; deletions take it from this image only."""
    alice, blob = attacker.basic("alice"), os.urandom(500_000)
    await attacker.push("alice", "acme/hello/holder", blob)
    at_once, place = f"{HERE}/blobs/uploads/?digest={digest(blob)}", f"{HERE}/blobs/{digest(blob)}"
    pushes = [attacker.ask("POST", at_once, auth=alice, body=blob) for _ in range(6)]
    deletions = [attacker.ask("DELETE", place, auth=alice) for _ in range(3)]
    answers = await asyncio.gather(*pushes, *deletions)
    assert [answer.status for answer in answers[:6]] == [201] * 6
    assert {answer.status for answer in answers[6:]} <= {202, 404}
    assert (await attacker.ask("GET", place.replace("raced", "holder"), auth=alice)).body == blob


async def test_tags_moved_and_deleted_at_once(attacker: Attacker) -> None:
    """No deadlock; afterwards the tag is gone, or names a manifest that can be pulled."""
    await attacker.push("alice", NAME)
    alice, tag = attacker.basic("alice"), f"{HERE}/manifests/moving"
    for number in range(ROUNDS):
        one, two = (manifest(annotations={"n": f"{number} {which}"}) for which in "ab")
        answers = await asyncio.gather(
            put_manifest(attacker, tag, one),
            put_manifest(attacker, f"{HERE}/manifests/{digest(two)}?tag=moving&tag=also", two),
            attacker.ask("DELETE", tag, auth=alice),
            attacker.ask("DELETE", f"{HERE}/manifests/{digest(one)}", auth=alice),
        )
        assert [answer.status for answer in answers[:2]] == [201, 201]
        assert {answer.status for answer in answers[2:]} <= {202, 404}
        left = await attacker.ask("GET", tag, auth=alice)
        assert (left.status, left.body in (one, two)) in ((200, True), (404, False))
        tags = (await attacker.ask("GET", f"{HERE}/tags/list", auth=alice)).json["tags"]
        assert ("moving" in tags) is (left.status == 200)


async def test_an_image_deleted_amid_pushes(attacker: Attacker) -> None:
    """What was pushed before is in no later image of the name; what comes after finds nothing or begins anew."""
    alice = attacker.basic("alice")
    for number in range(3):
        name = f"acme/hello/dying{number}"
        path = await attacker.open_upload("alice", name)
        blob, before = os.urandom(20_000), await attacker.push("alice", name, b"before", tag="before")
        await attacker.ask("PATCH", path, auth=alice, body=blob)
        image = await attacker.image_id("alice", name)
        answers = await asyncio.gather(
            attacker.manage("DELETE", f"/api/v1/images/{image}", auth=alice),
            attacker.ask("PUT", f"{path}?digest={digest(blob)}", auth=alice),
            *(put_manifest(attacker, f"/v2/{name}/manifests/t{tag}", manifest()) for tag in range(3)),
            *(attacker.ask("POST", f"/v2/{name}/blobs/uploads/", auth=alice) for _ in range(3)),
        )
        assert answers[0].status == 200
        assert {answer.status for answer in answers[1:]} <= {201, 202, 400, 404}
        for gone in (f"blobs/{digest(blob)}", f"manifests/{digest(before)}", "manifests/before"):
            assert (await attacker.ask("GET", f"/v2/{name}/{gone}", auth=alice)).status == 404
        assert (await attacker.ask("GET", path, auth=alice)).status == 404


async def test_a_first_push_by_many_makes_one_image(attacker: Attacker) -> None:
    """The losers of the race go on as ordinary pushes (authorization.md §1.7)."""
    opened = await asyncio.gather(*(attacker.open_upload("alice", "acme/hello/firstborn") for _ in range(8)))
    found = await attacker.manage("GET", "/api/v1/images?name=acme/hello/firstborn", auth=attacker.basic("alice"))
    assert (len(set(opened)), len(found.json["images"])) == (8, 1)


@pytest.mark.parametrize("framing", ["Content-Length: 400000", "Transfer-Encoding: chunked"])
async def test_a_push_goes_on_where_its_connection_broke(attacker: Attacker, framing: str) -> None:
    """What arrived is kept, GET tells how much, and the rest makes the blob whole (R15, R89)."""
    await attacker.push("alice", NAME, EMPTY)
    path, auth = await attacker.open_upload("bob", NAME), attacker.basic("bob")
    blob = os.urandom(400_000)
    head = f"PATCH {path} HTTP/1.1\r\nHost: h\r\nAuthorization: {auth}\r\nExpect: 100-continue\r\n{framing}\r\n\r\n"
    size = b"" if "Length" in framing else b"61a80\r\n"
    await attacker.begin(head.encode(), size + blob[:250_000], None)
    async with asyncio.timeout(20):  # until the server has noticed, another writer is refused
        while True:
            offset = end_of(await attacker.ask("GET", path, auth=auth)) + 1
            kept = 0 if offset == 1 else offset
            where = [("Content-Range", f"{kept}-{len(blob) - 1}")]
            rest = await attacker.ask("PATCH", path, auth=auth, headers=where, body=blob[kept:])
            if rest.status == 202:
                break
            assert rest.status in (409, 416)
    assert kept <= 250_000
    assert (await attacker.ask("PUT", f"{path}?digest={digest(blob)}", auth=auth)).status == 201
    assert (await attacker.ask("GET", f"{HERE}/blobs/{digest(blob)}", auth=auth)).body == blob


async def test_sessions_are_not_hoarded(attacker: Attacker) -> None:
    """Past a hundred open ones: 429 with Retry-After, for this principal only (R141)."""
    await attacker.push("alice", NAME, EMPTY)
    auth = attacker.basic("bob")
    opened = await asyncio.gather(*(attacker.ask("POST", f"{HERE}/blobs/uploads/", auth=auth) for _ in range(130)))
    counted = Counter(answer.status for answer in opened)
    assert counted.keys() == {202, 429}
    refused = next(answer for answer in opened if answer.status == 429)
    assert int(refused.header("Retry-After")) > 0
    await attacker.open_upload("alice", NAME)
    paths = [answer.header("Location") for answer in opened if answer.status == 202]
    ended = await asyncio.gather(*(attacker.ask("DELETE", path, auth=auth) for path in paths))
    assert {answer.status for answer in ended} == {204}
