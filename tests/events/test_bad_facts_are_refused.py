"""Poison (R114): whatever a record holds, the answer is a fact or a short reason, in bounded time and memory."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.fact_samples import ELSEWHERE, GROUP, USER, WORKSPACE, sample, spoiled
from moorage.events.decoding import FactIgnored, FactInvalid, decode_fact

GRANT, REPOSITORY, MEMBER = "scm.grant.set", "scm.repository.set", "scm.group_member.set"
GOOD = json.dumps(sample("scm.workspace.set")).encode()


def text(before: str, after: str) -> bytes:
    """The workspace's event with a piece of its text replaced."""
    assert before in GOOD.decode()
    return GOOD.decode().replace(before, after).encode()


BAD = {
    "empty": (b"", "not_json"),
    "blank": (b"  ", "not_json"),
    "null": (b"null", "not_an_object"),
    "number": (b"7", "not_an_object"),
    "text": (b'"fact"', "not_an_object"),
    "list": (b"[]", "not_an_object"),
    "list of facts": (b"[" + GOOD + b"]", "not_an_object"),
    "half an object": (GOOD[:-1], "not_json"),
    "two objects": (GOOD + GOOD, "not_json"),
    "latin-1": (text("acme", "acm\u00e9").decode().encode("latin-1"), "not_json"),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, "not_json"),
    "utf-16": (GOOD.decode().encode("utf-16"), "not_json"),
    "raw control character": (text("acme", "ac\nme"), "not_json"),
    "single quotes": (GOOD.replace(b'"', b"'"), "not_json"),
    "comment": (b"// fact\n" + GOOD, "not_json"),
    "trailing comma": (GOOD[:-1] + b",}", "not_json"),
    "NaN": (text("918273645", "NaN"), "not_a_number"),
    "Infinity": (text("918273645", "Infinity"), "not_a_number"),
    "minus Infinity": (text("918273645", "-Infinity"), "not_a_number"),
    "float too large": (text("918273645", "1e999"), "huge_number"),
    "integer of 5000 digits": (text("918273645", "9" * 5000), "huge_number"),
    "integer of 21 digits": (text("918273645", "9" * 21), "huge_number"),
    "repeated key": (text('"id":', '"id": "other", "id":'), "duplicate_key"),
    "repeated key in data": (text('"slug":', '"slug": "other", "slug":'), "duplicate_key"),
    "129 lists deep": (text('"acme"', "[" * 127 + "]" * 127), "too_deep"),
    "100,000 lists deep": (b"[" * 100_000, "too_deep"),
    "100,000 objects deep": (b'{"a":' * 100_000, "too_deep"),
    "larger than 1 MiB": (GOOD + b" " * (1024 * 1024), "too_large"),
    "no id": (spoiled(GRANT, "id", ...), "envelope"),
    "empty id": (spoiled(GRANT, "id", ""), "envelope"),
    "id of 256 characters": (spoiled(GRANT, "id", "x" * 256), "envelope"),
    "id with NUL": (spoiled(GRANT, "id", "a\0b"), "envelope"),
    "id with a line break": (spoiled(GRANT, "id", "a\r\nb"), "envelope"),
    "id with half a surrogate pair": (spoiled(GRANT, "id", "\ud800"), "envelope"),
    "id is a number": (spoiled(GRANT, "id", 7), "envelope"),
    "no type": (spoiled(GRANT, "type", ...), "envelope"),
    "no subject": (spoiled(GRANT, "subject", ...), "envelope"),
    "no source": (spoiled(GRANT, "source", ...), "envelope"),
    "no data": (spoiled(GRANT, "data", ...), "envelope"),
    "data is text": (spoiled(GRANT, "data", "{}"), "envelope"),
    "specversion 0.3": (spoiled(GRANT, "specversion", "0.3"), "envelope"),
    "time without offset": (spoiled(GRANT, "time", "2026-11-23T10:00:00"), "envelope"),
    "time is a number": (spoiled(GRANT, "time", 1763892000), "envelope"),
    "month 13": (spoiled(GRANT, "time", "2026-13-23T10:00:00Z"), "envelope"),
    "time before the calendar": (spoiled(GRANT, "time", "0001-01-01T00:00:00+23:59"), "envelope"),
    "content type": (spoiled(GRANT, "datacontenttype", "text/xml"), "envelope"),
    "unknown type": (spoiled(GRANT, "type", "dev.moorage.scm.team.set.v1"), "unknown_type"),
    "unknown major": (spoiled(GRANT, "type", "dev.moorage.scm.grant.set.v2"), "unknown_type"),
    "type of somebody else": (spoiled(GRANT, "type", "com.example.grant.set.v1"), "unknown_type"),
    "no workspace": (spoiled(GRANT, "data.workspace", ...), "schema"),
    "workspace is null": (spoiled(GRANT, "data.workspace", None), "schema"),
    "workspace is a name": (spoiled(GRANT, "data.workspace", "acme"), "schema"),
    "uuid without dashes": (spoiled(GRANT, "data.workspace", WORKSPACE.replace("-", "")), "schema"),
    "uuid as urn": (spoiled(GRANT, "data.workspace", f"urn:uuid:{WORKSPACE}"), "schema"),
    "uuid with one brace": (spoiled(GRANT, "data.workspace", "{" + WORKSPACE), "schema"),
    "uuid with space": (spoiled(GRANT, "data.workspace", f" {WORKSPACE}"), "schema"),
    "uuid with a line break": (spoiled(GRANT, "data.workspace", f"{WORKSPACE}\n"), "schema"),
    "version is text": (spoiled(GRANT, "data.version", "7"), "schema"),
    "version is true": (spoiled(GRANT, "data.version", True), "schema"),
    "version is 7.0": (spoiled(GRANT, "data.version", 7.0), "schema"),
    "version is negative": (spoiled(GRANT, "data.version", -1), "schema"),
    "version of 64 bits": (spoiled(GRANT, "data.version", 2**63), "schema"),
    "role owner on a repository": (spoiled(GRANT, "data.role", "owner"), "schema"),
    "role create-repo on a repository": (spoiled(GRANT, "data.role", "create-repo"), "schema"),
    "role in capitals": (spoiled(GRANT, "data.role", "WRITE"), "schema"),
    "role is a number": (spoiled(GRANT, "data.role", 2), "schema"),
    "role is null": (spoiled(GRANT, "data.role", None), "schema"),
    "grant on a group": (spoiled(GRANT, "data.node.kind", "group"), "schema"),
    "grant to a robot": (spoiled(GRANT, "data.grantee.kind", "robot"), "schema"),
    "grant without a node": (spoiled(GRANT, "data.node", ...), "schema"),
    "group in a group": (spoiled(MEMBER, "data.user", {"group": GROUP}), "schema"),
    "present is text": (spoiled(MEMBER, "data.present", "false"), "schema"),
    "present is 0": (spoiled(MEMBER, "data.present", 0), "schema"),
    "list of members": (spoiled(MEMBER, "data.user", [USER]), "schema"),
    "repository without a project": (spoiled(REPOSITORY, "data.project", ...), "schema"),
    "repository without a slug": (spoiled(REPOSITORY, "data.slug", ...), "schema"),
    "repository is suspended": (spoiled(REPOSITORY, "data.state", "suspended"), "schema"),
    "transferred to nowhere": (spoiled(REPOSITORY, "data.state", "transferred"), "schema"),
    "empty slug": (spoiled(REPOSITORY, "data.slug", ""), "schema"),
    "slug with escape": (spoiled(REPOSITORY, "data.slug", "a\x1b[31m"), "schema"),
    "stage qa": (spoiled("scm.environment.set", "data.stage", "qa"), "schema"),
    "group archived": (spoiled("scm.group.set", "data.state", "archived"), "schema"),
    "member admin": (spoiled("scm.workspace_member.set", "data.role", "admin"), "schema"),
    "active is text": (spoiled("identity.user.set", "data.active", "no"), "schema"),
    "account with a line break": (spoiled("identity.user.set", "data.account", "bob\nroot"), "schema"),
    "credential of a robot": (spoiled("identity.credential.set", "data.principal", "robot:" + USER), "schema"),
    "credential of nobody": (spoiled("identity.credential.set", "data.principal", "user:"), "schema"),
    "unknown scope": (spoiled("identity.credential.set", "data.scopes", ["image:everything"]), "schema"),
    "subject of another fact": (spoiled(GRANT, "subject", f"gm:{GROUP}:{USER}"), "key_mismatch"),
    "subject of another workspace": (spoiled("scm.workspace.set", "subject", f"ws:{ELSEWHERE}"), "key_mismatch"),
    "subject with a line break": (spoiled(MEMBER, "subject", f"gm:{GROUP}:{USER}\n"), "envelope"),
    "heartbeat of another source": (spoiled("scm.heartbeat", "subject", "hb:github"), "key_mismatch"),
    "partition key of another workspace": (
        spoiled(GRANT, "partitionkey", f"ws:{ELSEWHERE}"),
        "partition_key_mismatch",
    ),
}


@pytest.mark.parametrize(("body", "reason"), BAD.values(), ids=BAD)
def test_it_is_refused_with_a_reason(body: bytes, reason: str) -> None:
    """Each has its reason, and the reason never repeats what was in the record."""
    with pytest.raises(FactInvalid) as refused:
        decode_fact(body)
    assert refused.value.reason == reason
    assert len(refused.value.detail) < 300


def test_the_workspace_and_key_are_read_where_they_can_be() -> None:
    """They say whose freshness has to be held (R110)."""
    with pytest.raises(FactInvalid) as refused:
        decode_fact(spoiled(MEMBER, "data.present", "yes"))
    assert str(refused.value.workspace) == WORKSPACE
    assert refused.value.key == f"gm:{GROUP}:{USER}"


def test_the_partition_key_tells_the_workspace_when_the_data_does_not() -> None:
    """A record without readable data still names its workspace."""
    with pytest.raises(FactInvalid) as refused:
        decode_fact(spoiled(MEMBER, "data", 7))
    assert str(refused.value.workspace) == WORKSPACE


def test_an_uncritical_unknown_type_is_ignored() -> None:
    """Producers may go ahead of us inside a major."""
    event = sample(GRANT) | {"type": "dev.moorage.scm.team.set.v1", "critical": False}
    with pytest.raises(FactIgnored):
        decode_fact(json.dumps(event).encode())


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_fact_or_a_reason(body: bytes) -> None:
    """No other exception leaves the decoder."""
    with pytest.raises((FactInvalid, FactIgnored)):
        decode_fact(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["data.role", "data.node", "data.version", "id", "subject", "time", "data"]), JSON)
def test_any_value_in_any_place_is_a_fact_or_a_reason(path: str, value: object) -> None:
    """No other exception leaves the decoder."""
    with suppress(FactInvalid):
        decode_fact(spoiled(GRANT, path, value))
