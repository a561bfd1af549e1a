"""Malformed requests: each gets the right 4xx in the specification's form, none a 5xx, a redirect or content."""

import json
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from contracts.storage_parts import MemoryStorage
from contracts.wire_client import Answer, WireRegistry
from distribution.served import client_session, registry_on, served
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import ErrorCode
from moorage.oci.media_types import ManifestType

SHA256, SHA512 = (str(Digest.of(b"x", algorithm)) for algorithm in DigestAlgorithm)
UPLOAD = "00000000-0000-4000-8000-000000000000"
IMAGE = ManifestType.OCI_IMAGE.value

BAD_NAMES = [
    "A/b", "a/B", "a//b", "/a", "a/", "a/.b", "a/b.", "a..b/c", "a/b__-c", "a/b___c", "a/_b", "a/b_", "-a/b", "a-/b",
    "a/../b", "..", ".", "a/./b", "../../etc", "%2e%2e/a", "a/%2e%2e/b", "a%2fb", "a%2Fb", "a%00/b", "a\\b", "a%5cb",
    "a/b%20c", "a b".replace(" ", "%20"), "%61/b", "a%252fb", "%c0%ae%c0%ae/a", "%e2%80%ae/a", "a/b;c", "a/b:c",
    "a/b@c", "a/b,c", "a/b~", "a/b!", "a/b$", "a/b+c", "a/b*", "a/(b)", "a/b=c", "a/b'c", "a&b", "%F0%9F%98%80/a",
    "a" * 256, "a/" + "b" * 129, "/".join(["ab"] * 90), "a%0ab", "a%0d%0ab", "a%09b", "%",  "a%", "a%zz",
]  # fmt: skip

BAD_DIGESTS = [
    "sha256:", "sha256", ":", "sha256:baddigeststring", SHA256[:-1], SHA256 + "0", SHA256.upper(), SHA256[:-1] + "g",
    SHA256.replace("sha256", "sha512"), SHA512.replace("sha512", "sha256"), SHA512[:-1], "md5:" + "0" * 32,
    "sha1:" + "0" * 40, "sha384:" + "0" * 96, "SHA256:" + SHA256[7:], "sha256:" + "0" * 63 + "%00", "sha256:%2e%2e",
    SHA256 + "%0a", "%20" + SHA256, SHA256.replace(":", "::"), SHA256.replace(":", "%253A"), "sha256+b64:" + "a" * 64,
    "sha256:" + "\u0660".encode().hex() * 8, "blake3:" + "0" * 64, "sha256:" + "0" * 5000,
]  # fmt: skip

BAD_TAGS = [
    "", ".a", "-a", "a" * 129, "a b".replace(" ", "%20"), "a%2fb", "%2e%2e", "a%00", "a\\b", "ä".encode().hex() + "!",
    "a@b", "a,b", "a;b", "a+b", "a*", "a~", "%c3%a4", "a%0a", "%", "a%zz", "..", "a=b", "a&b", "(a)", "a'b", "a$",
]  # fmt: skip

BAD_SESSIONS = [
    "x", UPLOAD[:-1], UPLOAD + "0", UPLOAD.replace("-", ""), "{" + UPLOAD + "}", "urn:uuid:" + UPLOAD, "..", "%2e%2e",
    "G" + UPLOAD[1:], "A" + UPLOAD[1:], UPLOAD + "%00", UPLOAD + "%2f", "0", "-1", "%", UPLOAD + ".", "*",
]  # fmt: skip

BAD_PAGE_SIZES = ["-1", "a", "", "1.0", "+1", "0x1", "1e3", "%20", "1%00", "%D9%A1", "1;2", "--1", "%2B1"]

BAD_SPANS = ["a-b", "-", "1-", "-1", "5-4", "0-1,2-3", "bytes", "bytes 0-", "bytes */10", "0--1", "0-1/", "0-1/x"]


@pytest.fixture
async def registry() -> AsyncIterator[WireRegistry]:
    """A registry on memory that admits everyone: what is refused is refused for its form."""
    async with served(registry_on(MemoryStorage().content)) as url, client_session() as session:
        yield WireRegistry(session, url, "acme/app", "acme/other")


def is_refusal(answer: Answer) -> bool:
    """Whether it is a 4xx with one of the fourteen codes, a sentence, and nothing that gives us away."""
    entry = json.loads(answer.body)["errors"][0]
    fourteen = {code.value[0] for code in ErrorCode} - {"UNAVAILABLE"}
    return (
        400 <= answer.status < 500
        and entry["code"] in fourteen
        and bool(entry["message"])
        and answer.headers["Content-Type"].startswith("application/json")
        and answer.headers["X-Content-Type-Options"] == "nosniff"
        and b"Traceback" not in answer.body
    )


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_a_malformed_name_selects_nothing(registry: WireRegistry, name: str) -> None:
    """400 NAME_INVALID, or 404 where the path is none of this API any more (R2, R5)."""
    for path in (f"/v2/{name}/tags/list", f"/v2/{name}/manifests/latest", f"/v2/{name}/blobs/{SHA256}"):
        answer = await registry.ask("GET", path)
        assert is_refusal(answer)
        assert (answer.status, answer.code) in ((400, "NAME_INVALID"), (404, "NAME_UNKNOWN"))
    assert (await registry.ask("POST", f"/v2/{name}/blobs/uploads/")).status in (400, 404)


@pytest.mark.parametrize("digest", BAD_DIGESTS)
async def test_a_malformed_digest_is_400(registry: WireRegistry, digest: str) -> None:
    """In every place that takes one (R4). Without a colon it may be a tag, where a tag may stand."""
    upload, query = registry.at(f"blobs/uploads/{UPLOAD}"), digest if "%" in digest else quote(digest, safe="")
    asked = [
        await registry.ask("GET", registry.at(f"blobs/{digest}")),
        await registry.ask("DELETE", registry.at(f"blobs/{digest}")),
        await registry.ask("GET", registry.at(f"referrers/{digest}")),
        await registry.ask("POST", registry.at(f"blobs/uploads/?digest={query}"), data=b"x"),
        await registry.ask("POST", registry.at(f"blobs/uploads/?mount={query}&from=acme/other")),
        await registry.ask("PUT", f"{upload}?digest={query}", data=b"x"),
    ]
    for answer in asked:
        assert is_refusal(answer)
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("tag", [*BAD_TAGS, *(digest for digest in BAD_DIGESTS if ":" in digest)])
async def test_a_malformed_reference_is_400(registry: WireRegistry, tag: str) -> None:
    """For every method (R3)."""
    for method in ("GET", "PUT", "DELETE"):
        data = b"{}" if method == "PUT" else None
        answer = await registry.ask(method, registry.at(f"manifests/{tag}"), headers={"Content-Type": IMAGE}, data=data)
        assert is_refusal(answer)
        assert (answer.status, answer.code) in ((400, "NAME_INVALID"), (400, "DIGEST_INVALID"))


@pytest.mark.parametrize("session", BAD_SESSIONS)
async def test_a_malformed_session_is_unknown(registry: WireRegistry, session: str) -> None:
    """404 like one that never was (R68)."""
    for method, query in (("GET", ""), ("PATCH", ""), ("PUT", f"?digest={SHA256}"), ("DELETE", "")):
        answer = await registry.ask(method, registry.at(f"blobs/uploads/{session}{query}"))
        assert is_refusal(answer)
        assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        *(("GET", f"tags/list?n={n}", 400, "UNSUPPORTED") for n in BAD_PAGE_SIZES),
        ("GET", "tags/list?n=1&n=2", 400, "UNSUPPORTED"),
        ("GET", "tags/list?last=%00", 400, "UNSUPPORTED"),
        ("GET", "tags/list?last=%C3%A4", 400, "UNSUPPORTED"),
        ("GET", "tags/list?last=" + "a" * 256, 400, "UNSUPPORTED"),
        ("GET", f"referrers/{SHA256}?artifactType=%0a", 400, "UNSUPPORTED"),
        ("GET", f"referrers/{SHA256}?artifactType=a&artifactType=b", 400, "UNSUPPORTED"),
        ("GET", f"referrers/{SHA256}?last=x", 400, "DIGEST_INVALID"),
        ("POST", "blobs/uploads/?digest-algorithm=md5", 400, "DIGEST_INVALID"),
        ("POST", "blobs/uploads/?digest-algorithm=", 400, "DIGEST_INVALID"),
        ("POST", f"blobs/uploads/?mount={SHA256}&from=A", 400, "NAME_INVALID"),
        ("POST", f"blobs/uploads/?mount={SHA256}&from=", 400, "NAME_INVALID"),
        ("POST", f"blobs/uploads/?mount={SHA256}&from=..%2f..", 400, "NAME_INVALID"),
        ("POST", f"blobs/uploads/?mount={SHA256}&mount={SHA512}", 400, "UNSUPPORTED"),
        ("POST", f"blobs/uploads/?digest={SHA256}&digest={SHA512}", 400, "UNSUPPORTED"),
        ("PUT", f"blobs/uploads/{UPLOAD}", 400, "DIGEST_INVALID"),
        ("PUT", f"blobs/uploads/{UPLOAD}?digest=", 400, "DIGEST_INVALID"),
        *(("PUT", f"manifests/a?tag={tag}", 400, "NAME_INVALID") for tag in ("", "-a", "%00", "a%2fb", "a" * 129)),
        ("PUT", "manifests/a?" + "&".join(f"tag=t{n}" for n in range(47)), 414, "SIZE_INVALID"),
        ("GET", "nothing", 404, "NAME_UNKNOWN"),
        ("GET", "tags", 404, "NAME_UNKNOWN"),
        ("GET", "manifests/a/b", 404, "NAME_UNKNOWN"),
        ("PATCH", "manifests/a", 405, "UNSUPPORTED"),
        ("DELETE", "tags/list", 405, "UNSUPPORTED"),
        ("PROPFIND", "tags/list", 405, "UNSUPPORTED"),
        ("GET", "blobs/uploads/", 405, "UNSUPPORTED"),
        ("PUT", f"blobs/{SHA256}", 405, "UNSUPPORTED"),
    ],
)
async def test_a_malformed_request_is_refused(
    registry: WireRegistry, method: str, path: str, status: int, code: str
) -> None:
    """Parameters, paths and methods."""
    answer = await registry.ask(method, registry.at(path))
    assert is_refusal(answer)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("span", BAD_SPANS)
async def test_a_malformed_content_range_is_400(registry: WireRegistry, span: str) -> None:
    """Before anything is stored."""
    location = await registry.start()
    for method, query in (("PATCH", ""), ("PUT", f"?digest={SHA256}")):
        answer = await registry.ask(method, location + query, headers={"Content-Range": span}, data=b"x")
        assert is_refusal(answer)
        assert answer.status == 400
    assert (await registry.ask("GET", location)).headers["Range"] == "0-0"


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "deflate", "identity, gzip", "GZIP", "nonsense"])
async def test_a_compressed_body_is_415(registry: WireRegistry, encoding: str) -> None:
    """Wherever bodies are taken: a bomb is never unpacked (R137)."""
    location = await registry.start()
    headers = {"Content-Encoding": encoding, "Content-Type": IMAGE}
    for method, path in (
        ("POST", registry.at(f"blobs/uploads/?digest={SHA256}")),
        ("PATCH", location),
        ("PUT", f"{location}?digest={SHA256}"),
        ("PUT", registry.at("manifests/a")),
    ):
        answer = await registry.ask(method, path, headers=headers, data=b"x")
        assert is_refusal(answer)
        assert (answer.status, answer.code) == (415, "UNSUPPORTED")


async def test_headers_for_inside_mean_nothing_outside(registry: WireRegistry) -> None:
    """A body is no sealed one because a client says so, and no note for our own services leaves."""
    location = await registry.start()
    headers = {"Moorage-Sealed-Body": "1", "Moorage-Chunk-Length": "5", "Moorage-Principal": "user:x"}
    answer = await registry.ask("PATCH", location, headers=headers, data=b"0123456789")
    assert (answer.status, answer.headers["Range"]) == (202, "0-9")
    assert not [name for name in answer.headers if name.lower().startswith("moorage-")]


async def test_paths_outside_are_left_to_the_application(registry: WireRegistry) -> None:
    """Also those that only decoding would put under `/v2/`."""
    for path in ("/", "/v1/", "//v2/", "/%76%32/", "/v2%2f", "/v22/", "/V2/"):
        assert (await registry.ask("GET", path)).status == 404


def test_there_are_more_than_two_hundred() -> None:
    """Requests in this file, each asked in several places."""
    tables = (BAD_NAMES, BAD_DIGESTS, BAD_TAGS, BAD_SESSIONS, BAD_PAGE_SIZES, BAD_SPANS)
    assert sum(map(len, tables)) * 2 > 200
