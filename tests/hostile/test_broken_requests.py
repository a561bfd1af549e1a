"""Requests that are not what they should be: never a 5xx, a hang or a traceback (R132, R134-R138; R2-R5, R10, R14)."""

import asyncio
import json
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import pytest
import pytest_asyncio

from faults.waiting import until_true
from hostile.attacker import EMPTY, FORM, IMAGE_TYPE, JSON, Attacker, Headers, answer_in, basic, digest, manifest
from servers.registry import StandaloneRegistry

NAME: Final = "acme/hello/broken"
HERE: Final = f"/v2/{NAME}"
LAYER: Final = b"0123456789ab"
DIGEST: Final = digest(LAYER)
ZERO: Final = f"sha256:{'0' * 64}"
CHUNKED: Final = ("Transfer-Encoding", "chunked")


@pytest_asyncio.fixture(autouse=True)
async def _content(attacker: Attacker) -> None:
    await attacker.push("alice", NAME, LAYER)


@pytest.mark.parametrize(
    "path",
    [
        "/v2//",
        "/v2/%00",
        "/v2/_catalog/",
        "/v2/_catalog?n=-1",
        "/v2/_catalog?n=1&n=2",
        "/v2/_catalog?last=%00",
        "/v2/_catalog?last=ACME/x",
        "/v2/_catalog?last=../~x",
        f"/v2/acme/hello/../hello/broken/blobs/{DIGEST}",
        f"/v2/acme%2fhello%2fbroken/blobs/{DIGEST}",
        f"/v2/%61cme/hello/broken/blobs/{DIGEST}",
        f"/%76%32/acme/hello/broken/blobs/{DIGEST}",
        f"//v2/acme/hello/broken/blobs/{DIGEST}",
        f"/v2/acme\\hello/broken/blobs/{DIGEST}",
        f"{HERE}//blobs/{DIGEST}",
        f"{HERE}/blobs/{DIGEST}/",
        f"{HERE}/blobs/{DIGEST}%00",
        f"{HERE}/blobs/{DIGEST.upper()}",
        f"{HERE}/blobs/{DIGEST.replace(':', '%253A')}",
        f"{HERE}/blobs/md5:00",
        f"{HERE}/manifests/%2e%2e",
        f"{HERE}/manifests/a%0ab",
        f"{HERE}/manifests/sha256:baddigeststring",
        f"{HERE}/referrers/sha256:x",
        f"{HERE}/referrers/{ZERO}?artifactType=%0d%0a",
        f"{HERE}/referrers/{ZERO}?artifactType=a&artifactType=b",
        f"{HERE}/referrers/{ZERO}?last=z",
        f"{HERE}/tags/list?n=-1",
        f"{HERE}/tags/list?n=%D9%A3",
        f"{HERE}/tags/list?n=1&n=2",
        f"{HERE}/tags/list?last=%00",
        f"{HERE}/tags/list?last=%ff",
        f"{HERE}/blobs/uploads/00000000-0000-0000-0000-00000000000G",
        f"/v2/{'a' * 200}/b/tags/list",
        f"/v2/{'a/' * 130}tags/list",
        "http://[::1/v2/",
        "http://host:99999/v2/",
        "evil",
        "*",
        "/metrics",
        "/readyz",
        "/internal/v1/snapshot",
        "/internal/v1/facts",
        "/api/v1/images/%00",
        "/api/v1/images/\xff",
        "/api/v1/images?name=%00",
        "/api/v1/images?workspace=%00",
        "/api/v1/images?workspace=acme&cursor=%00",
        "/api/v1/images?workspace=acme&limit=1e9",
        "/api/v1/images?workspace=acme&workspace=b",
        "/api/v1/check?image=acme/x&action=*",
        "/api/v1/explain?image=acme/hello/broken&action=pull&principal=%00",
    ],
)
async def test_paths_that_name_nothing(attacker: Attacker, path: str) -> None:
    """An admin of all there is gets a 4xx; nothing is decoded into something else, nothing redirects."""
    answer = await attacker.ask("GET", path, auth=attacker.basic("alice"))
    assert answer.status in (400, 404, 422)
    assert (answer.header("Location"), answer.header("Server")) == ("", "moorage")
    assert answer.header("X-Content-Type-Options") == "nosniff"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("0-2", 202),
        ("bytes 0-2/*", 202),
        ("5-7", 416),
        ("9223372036854775808-9223372036854775810", 416),
        ("0-1", 400),
        ("2-0", 400),
        ("-", 400),
        ("0-2,4-5", 400),
        ("0-99999999999999999999", 400),
        ("\xd9\xa0-\xd9\xa2", 400),
    ],
)
async def test_odd_ranges_of_chunks(attacker: Attacker, said: str, status: int) -> None:
    """A refused one leaves nothing behind (R14, R15); the digits of other scripts are no digits."""
    path = await attacker.open_upload("alice", NAME)
    alice = attacker.basic("alice")
    answer = await attacker.ask("PATCH", path, auth=alice, headers=[("Content-Range", said)], body=b"abc")
    assert answer.status == status
    left = await attacker.ask("GET", path, auth=alice)
    assert (left.status, left.header("Range")) == (204, "0-2" if status == 202 else "0-0")
    assert (await attacker.ask("DELETE", path, auth=alice)).status == 204


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ("bytes=0-1", 206, b"01"),
        ("bytes=-2", 206, b"ab"),
        ("bytes=-9999999999999999999", 206, LAYER),
        ("bytes=99-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=5-2", 416, None),
        ("bytes=0-1" + ",0-1" * 2000, 200, LAYER),
        ("bytes=0-99999999999999999999", 200, LAYER),
        ("bytes=\xd9\xa1-", 200, LAYER),
        ("lines=0-1", 200, LAYER),
        ("bytes=-", 200, LAYER),
    ],
)
async def test_odd_ranges_of_blobs(attacker: Attacker, asked: str, status: int, body: bytes | None) -> None:
    """A part, all of it, or 416 (R10; CVE-2025-62727)."""
    answer = await attacker.ask(
        "GET", f"{HERE}/blobs/{DIGEST}", auth=attacker.basic("alice"), headers=[("Range", asked)]
    )
    assert answer.status == status
    assert body in (None, answer.body)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([("Transfer-Encoding", "gzip, chunked")], b"1\r\nx\r\n0\r\n\r\n"),
        ([("Transfer-Encoding", "gzip")], b"x"),
        ([("Transfer-Encoding", "chunked, identity")], b"1\r\nx\r\n0\r\n\r\n"),
        ([CHUNKED, ("Content-Length", "1")], b"1\r\nx\r\n0\r\n\r\n"),
        ([CHUNKED], b"-1\r\nx\r\n0\r\n\r\n"),
        ([CHUNKED], b"0x1\r\nx\r\n0\r\n\r\n"),
        ([CHUNKED], b"1\nx\n0\n\n"),
        ([CHUNKED], b"fffffffffffffffffffff\r\nx"),
        ([("Content-Encoding", "gzip")], b"x"),
    ],
)
async def test_odd_framing_stores_nothing(attacker: Attacker, headers: Headers, body: bytes) -> None:
    """400 or 415, and the upload is as long as before (R134, R137)."""
    path = await attacker.open_upload("alice", NAME)
    alice = attacker.basic("alice")
    answer = await attacker.ask("PATCH", path, auth=alice, headers=headers, body=body)
    assert answer.status in (400, 415)
    assert (await attacker.ask("GET", path, auth=alice)).header("Range") == "0-0"
    await attacker.ask("DELETE", path, auth=alice)


BODIES: Final = {
    "a chunk": ("PATCH", "{session}", ()),
    "a manifest": ("PUT", f"{HERE}/manifests/late", (("Content-Type", IMAGE_TYPE),)),
    "a form": ("POST", "/token", (FORM,)),
    "a setting": ("POST", "/api/v1/tokens", (JSON,)),
}


def head(method: str, path: str, auth: str, headers: Headers) -> bytes:
    """The head of a request with a chunked body."""
    lines = [f"{method} {path} HTTP/1.1", "Host: h", f"Authorization: {auth}", "Expect: 100-continue"]
    lines.append("Transfer-Encoding: chunked")
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers), "", ""]).encode()


@pytest.mark.parametrize("what", BODIES)
async def test_framing_that_breaks_late_is_noticed_at_once(attacker: Attacker, what: str) -> None:
    """A chunk that ends wrongly in a later packet is 400 and the end, not a wait for bytes that never come."""
    method, path, headers = BODIES[what]
    path = path.format(session=await attacker.open_upload("alice", NAME))
    begun = head(method, path, attacker.basic("alice"), headers)
    received = await attacker.begin(begun, b"3\r\n{", b'"aXX\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n')
    assert received.count(b"HTTP/1.") == 1
    assert answer_in(received).status == 400


@pytest.mark.parametrize("what", BODIES)
async def test_a_client_that_leaves_amid_its_body_is_no_error(attacker: Attacker, what: str) -> None:
    """The log is looked at afterwards: it holds no traceback."""
    method, path, headers = BODIES[what]
    path = path.format(session=await attacker.open_upload("alice", NAME))
    await attacker.begin(head(method, path, attacker.basic("alice"), headers), b"3\r\n{", None)
    assert (await attacker.ask("GET", "/v2/", auth=attacker.basic("alice"))).status == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /v2/ HTTP/1.1\r\nHost: h\r\n" + b"a: b\r\n" * 10_000 + b"\r\n", 431),
        (b"GET /v2/ HTTP/1.1\r\nHost: h\r\n" + b"X: " + b"y" * 70_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
        (b"GET /v2/ HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400),
        (b"GET /v2/ HTTP/1.1\r\nHost: h\r\nAuthorization: Basic\r\n eA==\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60), 400),
        (bytes(200), 400),
    ],
)
async def test_what_is_no_http_is_told_so_and_learns_nothing(attacker: Attacker, sent: bytes, status: int) -> None:
    """No word about what the server is made of."""
    answer = answer_in(await attacker.send(sent))
    assert (answer.status, answer.header("Server")) == (status, "moorage")


async def test_a_refusal_comes_before_the_body_is_asked_for(attacker: Attacker) -> None:
    """`100 Continue` is for those who may send it."""
    ask = b"PATCH " + (await attacker.open_upload("bob", NAME)).encode() + b" HTTP/1.1\r\nHost: h\r\nConnection: close"
    received = await attacker.send(ask + b"\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 401 ")


def bombs() -> dict[str, bytes]:
    """Manifests that want to hurt."""
    descriptor: dict[str, Any] = {"mediaType": "a/b", "digest": digest(EMPTY), "size": len(EMPTY)}
    whole = manifest()
    return {
        "deep": b"[" * 2_000_000,
        "deep objects": b'{"a":' * 800_000,
        "deep and closed": b'{"x":' + b"[" * 200 + b"]" * 200 + b"}",
        "wide": b"[" + b"1," * 2_000_000 + b"1]",
        "many keys": b"{" + b",".join(b'"%d":1' % n for n in range(300_000)) + b"}",
        "a huge number": b'{"schemaVersion":' + b"9" * 4_000_000 + b"}",
        "an endless number": b'{"schemaVersion":1e999}',
        "half a surrogate": manifest(annotations={"a": "?"}).replace(b'"?"', b'"\\ud800"'),
        "a media type with NUL": manifest(artifactType="a/\x00"),
        "a negative size": manifest(config={**descriptor, "size": -1}),
        "a size of 2^63": manifest(subject={**descriptor, "size": 2**63}),
        "a size that is true": manifest(config={**descriptor, "size": True}),
        "a wrong size": manifest(config={**descriptor, "size": 3}),
        "5001 layers": manifest(layers=[descriptor] * 5001),
        "a key twice": whole[:-1] + b',"layers":[]}',
        "a key in capitals": whole[:-1] + b',"Layers":[]}',
        "a byte order mark": b"\xef\xbb\xbf" + whole,
        "UTF-16": whole.decode().encode("utf-16"),
        "bytes behind it": whole + b"x",
        "4 MiB and a byte": b" " * (4 * 2**20 + 1),
        "nothing": b"",
    }


@pytest.mark.parametrize("bomb", bombs())
async def test_manifest_bombs_are_defused(attacker: Attacker, bomb: str) -> None:
    """400, or 413 for the largest (R24-R28, R138, R139)."""
    headers = [("Content-Type", IMAGE_TYPE)]
    answer = await attacker.ask(
        "PUT", f"{HERE}/manifests/bomb", auth=attacker.basic("alice"), headers=headers, body=bombs()[bomb]
    )
    assert answer.status == (413 if bomb.startswith("4 MiB") else 400)
    assert json.loads(answer.body)["errors"]


async def test_a_nul_in_an_annotation_goes_in_and_comes_out(attacker: Attacker) -> None:
    """Legal JSON that a database may choke on; also as a referrer."""
    subject = {"mediaType": IMAGE_TYPE, "digest": ZERO, "size": 1}
    body = manifest(subject=subject, annotations={"a\x00": "\x00"})
    alice = attacker.basic("alice")
    headers = [("Content-Type", IMAGE_TYPE)]
    assert (await attacker.ask("PUT", f"{HERE}/manifests/nul", auth=alice, headers=headers, body=body)).status == 201
    assert (await attacker.ask("GET", f"{HERE}/manifests/nul", auth=alice)).body == body
    (referrer,) = (await attacker.ask("GET", f"{HERE}/referrers/{ZERO}", auth=alice)).json["manifests"]
    assert referrer["annotations"] == {"a\x00": "\x00"}


async def test_a_large_manifest_holds_nobody_up(attacker: Attacker) -> None:
    """While it is read `/v2/` answers, again and again (R142)."""
    alice, annotations = attacker.basic("alice"), {str(number): "x" for number in range(90_000)}
    headers, body = [("Content-Type", IMAGE_TYPE)], manifest(annotations=annotations)
    push = attacker.ask("PUT", f"{HERE}/manifests/large", auth=alice, headers=headers, body=body)
    pushing, answered = asyncio.create_task(push), 0
    while not pushing.done():
        assert (await attacker.ask("GET", "/v2/", auth=alice)).status == 200
        answered += not pushing.done()
    assert (await pushing).status == 201
    assert answered >= 5


FORGED: Final = '{"event":"forged","level":"critical"}'


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\x1b[2J", "\x00"])
async def test_log_lines_are_not_forged(attacker: Attacker, registry: StandaloneRegistry, end: str) -> None:
    """By no name, query, header or credential, however the end of a line is spelt (R149)."""
    log = registry.credentials.parent / "serve.log"
    start, forged = log.stat().st_size, f"x{end}{FORGED}"
    raw, escaped = forged.encode().decode("latin-1"), quote(forged)
    headers = [] if end in "\r\n\x00" else [("User-Agent", raw), ("X-Request-Id", raw), ("Range", raw)]
    for path in (f"/v2/{escaped}/tags/list", f"{HERE}/tags/list?last={escaped}", f"/token?account={escaped}&scope=x"):
        await attacker.ask("GET", path, auth=basic(forged, f"wrong{end}"), headers=headers)
    await attacker.ask("GET", "/v2/", auth=basic(forged, attacker.secrets["bob"]))
    last = uuid4().hex.encode()
    await attacker.ask("GET", f"/v2/{last.decode()}/tags/list")
    await until_true(lambda: last in log.read_bytes()[start:])  # lines are written many at a time
    written = log.read_bytes()[start:].decode("latin-1")
    assert all(character == "\n" or " " <= character <= "~" for character in written)
    events = [json.loads(line)["event"] for line in written.split("\n") if line]
    assert events
    assert "forged" not in events
