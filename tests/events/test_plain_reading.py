"""The short way of reading (R114): what it vouches for, the long way accepts too, and reads as the same."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.fact_samples import DATA, WORKSPACE, sample
from moorage.events.decoding import Fact, FactIgnored, FactInvalid, decode_anything, decode_fact
from moorage.events.plain_edges import plain_edge
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


@pytest.mark.parametrize("kind", ["scm.group_member.set", "scm.workspace_member.set", "scm.grant.set"])
def test_every_plain_edge_is_read_the_shortest_way(kind: str) -> None:
    """With the same outcome; a member given twice is left to the others even where a null makes up for its quotes."""
    body = written(sample(kind))
    found = plain_edge(body)
    assert found is not None
    fact = decode_anything(body)
    assert (found.key, found.data, found.event.model_dump()) == (fact.key, fact.data, _attributes(fact))
    for more in (b'"time":null,"time":null,', b'"sequence":"7","sequence":null,', b'"critical":true,', b'"id" : "x",'):
        assert plain_edge(b"{" + more + body[1:]) is None


def _attributes(fact: Fact) -> dict[str, Any]:
    return fact.event.model_dump(exclude={"data"})


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
