"""Facts that people write by hand: what may be left out, how files are cut, how slips are told."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.cli.facts_file import MAX_BYTES, MAX_LINES, Line, batches, complete, parse
from moorage.cli.failure import UsageInvalid

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FACT = '{"type":"user.set.v1","data":{"id":"5f0e4cbe-77aa-4b5f-8d2a-9b1d00000001","account":"erin","active":true}}'


def test_lines_and_an_array_say_the_same() -> None:
    """Both forms are read, blank lines do not count as facts but as lines."""
    lines = parse(f"\n{FACT}\n\n{FACT}\n", "local", NOW)
    array = parse(f"[{FACT},\n {FACT}]", "local", NOW)
    assert [line.number for line in lines] == [2, 4]
    assert [line.number for line in array] == [1, 2]
    assert [line.event["data"] for line in lines] == [line.event["data"] for line in array]


def test_what_is_obvious_is_filled_in() -> None:
    """The envelope and the prefix of the type; facts about users and credentials are of the identity topic."""
    event = complete({"type": "user.set.v1", "data": {}}, "local", NOW)
    assert event["type"] == "dev.moorage.identity.user.set.v1"
    assert (event["specversion"], event["source"], event["time"]) == ("1.0", "local", "2026-11-24T12:00:00+00:00")
    assert event["subject"] == "unknown"
    assert json.loads(parse(FACT, "local", NOW)[0].encoded())["subject"] == "us:5f0e4cbe-77aa-4b5f-8d2a-9b1d00000001"
    assert complete({"type": "grant.set.v1", "data": {}}, "local", NOW)["type"] == "dev.moorage.scm.grant.set.v1"


def test_what_is_written_is_kept() -> None:
    """A whole CloudEvent goes out as it came in."""
    whole = {"specversion": "1.0", "id": "1", "source": "x", "time": "t", "type": "dev.moorage.scm.a.v1", "data": {}}
    assert complete(whole, "local", NOW) == whole | {"subject": "unknown"}


def test_a_batch_is_no_larger_than_a_request_may_be() -> None:
    """Neither in lines nor in bytes."""
    many = [Line(number, {"data": {}}) for number in range(2 * MAX_LINES + 1)]
    assert [len(batch) for batch in batches(many)] == [MAX_LINES, MAX_LINES, 1]
    fat = [Line(number, {"data": "x" * (MAX_BYTES // 2)}) for number in range(3)]
    assert [len(batch) for batch in batches(fat)] == [1, 1, 1]


@given(st.lists(st.integers(min_value=0, max_value=3000), max_size=2500))
def test_batches_keep_every_fact_and_the_order(sizes: list[int]) -> None:
    """Cutting loses nothing and moves nothing."""
    lines = [Line(number, {"data": "x" * size}) for number, size in enumerate(sizes, 1)]
    assert [line for batch in batches(lines) for line in batch] == lines


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no fact in the input"),
        ("\n \n", "no fact in the input"),
        ("[]", "no fact in the input"),
        ("{", "Line 1 is not valid JSON"),
        (f"{FACT}\n{FACT},", "Line 2 is not valid JSON"),
        (f"[{FACT},\n]", "The array is not valid JSON"),
        ("null", "Line 1 is not a JSON object"),
        ("[1]", "Line 1 is not a JSON object"),
        ('{"data":{}}', "Line 1 has no 'type'"),
        ('{"type":7,"data":{}}', "Line 1 has no 'type'"),
        ('{"type":"user.set.v1"}', "Line 1 has no 'data'"),
        ('{"type":"user.set.v1","data":[]}', "Line 1 has no 'data'"),
        ('{"type":"user.set.v1","data":{}}', "line 1: schema: id"),
        (FACT.replace("5f0e4cbe", "not-a-uuid"), "line 1: schema: id"),
        ('{"type":"usr.set.v1","data":{}}', "line 1: unknown type: dev.moorage.scm.usr.set.v1"),
        (
            FACT.replace("{", '{"subject":"us:other",', 1),
            "line 1: key mismatch: the subject of this fact is us:5f0e4cbe",
        ),
        (f"{FACT}\n" + "\n".join(['{"type":"user.set.v1","data":{}}'] * 9), "and 4 more"),
        ("[" * 100_000, "The array is not"),
    ],
)
def test_a_slip_is_told_with_its_place(text: str, told: str) -> None:
    """One sentence what, one what to do; nothing was sent."""
    with pytest.raises(UsageInvalid) as refusal:
        parse(text, "local", NOW)
    assert told in refusal.value.what
    assert refusal.value.remedy


@given(st.text())
def test_any_text_is_either_facts_or_a_usage_error(text: str) -> None:
    """Never another exception."""
    try:
        lines = parse(text, "local", NOW)
    except UsageInvalid:
        return
    assert all(json.loads(line.encoded())["type"] for line in lines)
