"""What the fuzz by the OpenAPI document found in the management API, each fault by its name."""

import re
from typing import Any, Final

from gateway.site import Site
from gateway.village_order import identifier
from moorage.access.role import Membership
from moorage.gateway.http.management.problems import BODY_PROBLEMS

API = identifier("im:ledger/api")
JSON = {"Content-Type": "application/json"}

METHODS: Final = (
    ("DELETE", "/api/v1/images", "GET, HEAD, POST"),
    ("POST", f"/api/v1/images/{API}", "DELETE, GET, HEAD, PATCH"),
    ("GET", "/api/v1/preview", "POST"),
    ("OPTIONS", f"/api/v1/images/{API}/visibility", "PUT"),
    ("POST", "/api/v1/openapi.json", "GET, HEAD"),
)


async def test_a_wrong_method_is_told_the_right_ones(site: Site) -> None:
    """RFC 9110 §15.5.6 demands `Allow`; it was in the detail only."""
    for method, path, allowed in METHODS:
        answer = await site.ask(method, path)
        assert (answer.status, answer.headers["Allow"]) == (405, allowed)
        assert answer.json["type"] == "https://moorage.dev/problems/method-not-allowed"


async def test_an_instance_is_a_uri(site: Site) -> None:
    """It was the path with its escapes undone, which is none (RFC 9457 §3.1.5)."""
    for name in ("%C3%BF", "%0A", "a%20b", "%22", "%F0%9F%9A%A2", "%FF", "%00", "%7Bid%7D"):
        for path in ("/api/v1/images/{}", "/api/v1/users/{}/offboarding", "/api/v1/none/{}"):
            answer = await site.ask("GET", path.format(name), auth=site.basic("alice"))
            assert answer.status in (403, 404)
            assert re.fullmatch(r"[!-~]+", answer.json["instance"]), answer.json


MISSPELLED: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("PUT", "workspaces/acme/allow-public", {"allow_public": 0}),
    ("PUT", "workspaces/acme/allow-public", {"allow_public": "false"}),
    ("PATCH", f"images/{API}", {"admin_override": 1}),
    ("POST", "tokens", {"name": "x", "days": "7"}),
    ("POST", "tokens", {"name": "x", "days": True}),
    ("POST", "tokens", {"name": "x", "days": 7.5}),
    ("POST", "tokens", {"name": 5}),
    ("POST", "tokens", {"name": "x", "scopes": "image:read"}),
)


async def test_json_means_what_it_says(site: Site) -> None:
    """0 was read as false and "7" as a number, which no schema says."""
    site.village.member("alice", Membership.OWNER)
    for method, path, body in MISSPELLED:
        answer = await site.ask(method, f"/api/v1/{path}", auth=site.basic("alice"), json=body)
        assert (answer.status, answer.json["type"]) == (422, "https://moorage.dev/problems/input-invalid"), body


async def test_a_whole_number_may_have_a_point(site: Site) -> None:
    """7.0 is an integer of JSON Schema, and a set that names a thing twice is that set."""
    body = b'{"name":"x","days":7.0,"scopes":["image:read","image:read"]}'
    answer = await site.ask("POST", "/api/v1/tokens", auth=site.basic("alice"), data=body, headers=JSON)
    assert (answer.status, answer.json["token"]["scopes"]) == (201, ["image:read"])


REFUSED_BODIES: Final = (
    (JSON, b"{", 400, "body-malformed"),
    (JSON, b'{"name":"' + b"x" * 70_000 + b'"}', 413, "body-too-large"),
    ({"Content-Type": "text/plain"}, b"{}", 415, "body-type-unsupported"),
    ({**JSON, "Content-Encoding": "gzip"}, b"{}", 415, "body-type-unsupported"),
)


async def test_a_body_is_refused_by_a_type_of_its_own(site: Site) -> None:
    """They were all called input-invalid, whose status is 422."""
    for headers, body, status, kind in REFUSED_BODIES:
        answer = await site.ask("POST", "/api/v1/tokens", auth=site.basic("alice"), data=body, headers=headers)
        assert (answer.status, answer.json["type"]) == (status, f"https://moorage.dev/problems/{kind}")
    assert {kind.status for kind in BODY_PROBLEMS} == {400, 408, 413, 415}


async def test_settings_of_a_workspace_have_a_tag(site: Site) -> None:
    """The same settings have the same one, whenever they were set; others have another (protocol.md §8)."""
    site.village.member("alice", Membership.OWNER)
    path, tags = "/api/v1/workspaces/acme/allow-public", []
    for value in (True, False, False, True):
        answer = await site.ask("PUT", path, auth=site.basic("alice"), json={"allow_public": value})
        tags.append(answer.headers["ETag"])
    assert tags[0] == tags[3] != tags[1] == tags[2]


async def test_an_id_has_one_spelling(site: Site) -> None:
    """One path for one record: nothing else names anything."""
    for spelled in (f"{{{API}}}", API.hex, f"urn:uuid:{API}", f" {API}", "0" * 300):
        answer = await site.ask("GET", f"/api/v1/images/{spelled}", auth=site.basic("alice"))
        assert (answer.status, answer.json["type"]) == (404, "https://moorage.dev/problems/not-found")
