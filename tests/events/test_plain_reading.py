"""The short way of reading (R114): what it vouches for, the long way accepts too, and reads as the same."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

from events.fact_samples import DATA, WORKSPACE, sample
from moorage.events.checksums import digest_of
from moorage.events.decoding import Fact, FactIgnored, FactInvalid, decode_anything, decode_fact
from moorage.events.edge_facts import GrantSet, GroupMemberSet, WorkspaceMemberSet
from moorage.events.plain_edges import EdgeReader
from moorage.events.plain_reading import plain

KINDS = sorted(DATA)


def written(event: dict[str, Any]) -> bytes:
    """The event as JSON."""
    return json.dumps(event).encode()


def outcome(body: bytes, decode: Any) -> tuple[object, ...]:
    """What a way of reading makes of a record."""
    try:
        fact: Fact = decode(body)
    except FactInvalid as error:
        return ("refused", error.reason, error.detail, error.workspace, error.key)
    except FactIgnored:
        return ("ignored",)
    return (fact.key, fact.event.id, fact.event.time, fact.data)


@pytest.mark.parametrize("kind", KINDS)
def test_every_plain_fact_is_read_the_short_way(kind: str) -> None:
    """Also as people indent it, and the outcome is that of the long way."""
    for body in (written(sample(kind)), json.dumps(sample(kind), indent=2, separators=(",", " : ")).encode()):
        assert plain(body) is not None
        assert outcome(body, decode_fact) == outcome(body, decode_anything)


EDGES = ["scm.group_member.set", "scm.workspace_member.set", "scm.grant.set"]


def compact(event: dict[str, Any]) -> bytes:
    """The event as most producers write it."""
    return json.dumps(event, separators=(",", ":")).encode()


def read_shortest(body: bytes) -> tuple[object, ...] | None:
    """What the shortest way makes of a record."""
    found = EdgeReader().read(body)
    return None if found is None else astuple(found)


def edge_of(fact: Fact) -> tuple[object, ...]:
    """What the shortest way tells of a fact."""
    data, event = fact.data, fact.event
    if isinstance(data, GrantSet):
        ends: tuple[str, ...] = (data.node.kind, str(data.node.id), data.grantee.kind, str(data.grantee.id))
    elif isinstance(data, GroupMemberSet):
        ends = ("user", str(data.user), "group", str(data.group))
    else:
        assert isinstance(data, WorkspaceMemberSet)
        ends = ("user", str(data.user), "", "")
    said = (event.type, event.source, event.id, str(data.workspace), data.version, data.by, fact.key)
    return (*said, *ends, data.rank, digest_of(data) if data.rank else 0)


@pytest.mark.parametrize("kind", EDGES)
def test_every_plain_edge_is_read_the_shortest_way(kind: str) -> None:
    """With the same outcome; a member given twice is left to the others, whatever makes up for its length."""
    body = compact(sample(kind))
    assert read_shortest(body) == edge_of(decode_anything(body))
    for more in (b'"time":null,"time":null,', b'"sequence":"7","sequence":"7",', b'"critical":true,', b'"id" : "x",'):
        assert read_shortest(b"{" + more + body[1:]) is None
    assert read_shortest(body.replace(b'"data":{', b'"data":{"by":"x","by":"y",')) is None


@given(st.sampled_from(EDGES), st.data())
def test_what_is_read_the_shortest_way_is_what_the_long_way_reads(kind: str, data: st.DataObject) -> None:
    """Whatever a producer changes about an edge, it is read as the long way reads it, or left to that one."""
    event = sample(kind)
    odd: st.SearchStrategy[Any] = st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.just(event["data"]["workspace"].upper())
    )
    at = data.draw(st.sampled_from([event, event["data"], *(event["data"].get(x, event) for x in ("node", "grantee"))]))
    at[data.draw(st.sampled_from([*at, "time", "sequence", "by", "origin", "snapshot", "more"]))] = data.draw(odd)
    body = compact(event) if data.draw(st.booleans()) else json.dumps(event, ensure_ascii=False).encode()
    found = read_shortest(body)
    assert found is None or found == edge_of(decode_anything(body))


@given(st.sampled_from(EDGES), st.integers(0, 600), st.binary(max_size=12), st.integers(0, 12))
def test_no_bytes_are_read_the_shortest_way_that_the_long_way_refuses(
    kind: str, at: int, noise: bytes, gone: int
) -> None:
    """Bytes are put in, taken out and replaced."""
    body = compact(sample(kind))
    body = body[:at] + noise + body[at + gone :]
    found = read_shortest(body)
    assert found is None or found == edge_of(decode_anything(body))


@pytest.mark.parametrize("place", ["", "data"])
@pytest.mark.parametrize("blank", ["", " ", "\t", "\r\n "])
def test_a_member_given_twice_is_never_vouched_for(place: str, blank: str) -> None:
    """Wherever it is, and however its colon is set off: which of the two counts would be a guess."""
    text = json.dumps(sample("scm.grant.set"))
    member = '"id"' if not place else '"role"'
    body = text.replace(f"{member}:", f'{member}{blank}: "other", {member}{blank}:', 1).encode()
    assert body != text.encode()
    assert plain(body) is None
    assert outcome(body, decode_fact)[1] == "duplicate_key"


@pytest.mark.parametrize("blank", ["\t", "\n", "\r\n "])
def test_of_two_members_one_may_hide_its_colon_in_vain(blank: str) -> None:
    """Blanks are not counted among what names are made of."""
    text = compact(sample("scm.grant.set")).decode()
    body = text.replace('"role":', f'"role"{blank}:"none","role":', 1).encode()
    assert plain(body) is None
    assert outcome(body, decode_fact)[1] == "duplicate_key"


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(KINDS), st.booleans(), st.integers(0, 600), st.binary(max_size=12), st.integers(0, 12))
def test_both_ways_agree_on_spoiled_bytes(kind: str, blanks: bool, at: int, noise: bytes, gone: int) -> None:
    """Bytes are put in, taken out and replaced."""
    body = written(sample(kind)) if blanks else compact(sample(kind))
    body = body[:at] + noise + body[at + gone :]
    assert outcome(body, decode_fact) == outcome(body, decode_anything)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.sampled_from(["id", "source", "subject", "partitionkey", "sequence", "traceparent"]),
    st.text(max_size=4) | st.integers(250, 1030).map("é".__mul__),
)
def test_both_ways_agree_on_texts_of_the_envelope(kind: str, name: str, text: str) -> None:
    """Whatever characters are in it."""
    event = sample(kind) | {name: text}
    for body in (compact(event), json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")):
        assert outcome(body, decode_fact) == outcome(body, decode_anything)


@pytest.mark.parametrize("time", ["", " ", "2026-11-30", "2026-11-30T00:00:00", "2026-02-30T00:00:00Z", None, 5, True])
def test_both_ways_agree_on_times(time: object) -> None:
    """What is no instant is refused, the empty text too."""
    body = compact(sample("identity.user.set") | {"time": time})
    assert outcome(body, decode_fact) == outcome(body, decode_anything)


def test_nothing_is_read_to_any_depth() -> None:
    """What is nested is refused, not followed."""
    body = compact(sample("scm.group_member.set"))[:-1] + b',"extra":' + b"[" * 500_000
    assert plain(body) is None
    assert plain(body.replace(b'"data":{', b'"data":{"extra":' + b"[" * 200_000)) is None
    assert outcome(body, decode_fact)[1] == "too_deep"


def test_members_we_do_not_know_are_no_hindrance() -> None:
    """Producers go ahead of us; but nothing in them escapes the limits."""
    event = sample("scm.group_member.set") | {"tracestate": "a:b", "extra": {"deep": [1, {"x": '":'}]}}
    assert plain(written(event)) is not None
    event["extra"] = 10**30
    assert plain(written(event)) is None
    assert outcome(written(event), decode_fact)[1] == "huge_number"
    deep = written(sample("scm.group_member.set"))[:-1] + b',"extra":' + b"[" * 200 + b"]" * 200 + b"}"
    assert plain(deep) is None
    assert outcome(deep, decode_fact)[1] == "too_deep"


def test_braces_and_case_are_read_as_the_long_way_reads_them() -> None:
    """One spelling inside, whatever is outside."""
    event = sample("scm.workspace.set")
    event["data"]["workspace"] = "{" + WORKSPACE.upper() + "}"
    event["subject"] = "ws:{" + WORKSPACE.upper() + "}"
    assert plain(written(event)) is not None
    assert outcome(written(event), decode_fact) == outcome(written(event), decode_anything)


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 2**64),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=12),
    st.sampled_from(["active", "\u2028", "\x7f", "\u0085", "x" * 255, "x" * 256, "x" * 1025]),
    st.sampled_from([WORKSPACE, "{" + WORKSPACE, "0001-01-01T00:00:00+23:59", "2026-11-23 10:00:00Z"]),
    st.sampled_from(["2026-11-23T10:00:00Z", "2026-11-23T10:00:00"]),
    st.lists(st.sampled_from(["image:read", "x"]), max_size=3),
)
TOP = ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "partitionkey", "critical", "data"]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_both_ways_agree_on_spoiled_facts(kind: str, data: st.DataObject) -> None:
    """Whatever is put wherever: the same fact, or the same refusal in the same words."""
    event = sample(kind)
    for _ in range(data.draw(st.integers(1, 2))):
        inner = event["data"] if isinstance(event.get("data"), dict) and data.draw(st.booleans()) else event
        name = data.draw(st.sampled_from([*sorted(inner), *(TOP if inner is event else ["workspace", "snapshot"])]))
        if data.draw(st.booleans()):
            inner[name] = data.draw(ODD)
        else:
            inner.pop(name, None)
    body = json.dumps(event).encode()
    assert outcome(body, decode_fact) == outcome(body, decode_anything)
