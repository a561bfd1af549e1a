"""Rows and frames of the change stream survive JSON, and readers pass over what they don't know (§2.4)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from moorage.access.frames import Beat, Delta, Frame, ImageRow, Reset, Row, RowKind, Snapshot

FRAMES: TypeAdapter[Frame] = TypeAdapter(Frame)

DESIGN = {
    "delta": '{"k":"delta","e":7,"from":88123401,"to":88123403,"t":1763892000456,'
    '"c":[[1,12,20417,391,0,918273701],[2,12,41002,391,2,918273645],'
    '[9,12,5512,41002,1,3,{"name":"ledger-core/api"}]],"asof":{"s3p7":1763892000100}}',
    "beat": '{"k":"beat","e":7,"head":88123403,"t":1763892001456,"asof":{"s3p0":1763892001000,"s3p7":1763892001010}}',
    "reset": '{"k":"reset","e":8,"reason":"restored_from_backup"}',
}

number = st.integers(min_value=0, max_value=2**31 - 1)
short_rows = st.tuples(st.integers(0, 40), number, number, number, st.integers(0, 9), st.integers(0, 2**63 - 1))
extras = st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.booleans() | st.none(), max_size=3)
rows = short_rows | st.builds(lambda row, extra: (*row, extra), short_rows, extras)


@pytest.mark.parametrize(("name", "kind"), [("delta", Delta), ("beat", Beat), ("reset", Reset)])
def test_the_frames_of_the_design_are_read(name: str, kind: type) -> None:
    """The three lines of §2.4."""
    assert isinstance(FRAMES.validate_json(DESIGN[name]), kind)


@pytest.mark.parametrize("line", DESIGN.values(), ids=list(DESIGN))
def test_a_frame_is_written_as_it_was_read(line: str) -> None:
    """By the names of the wire, and nothing added."""
    assert json.loads(FRAMES.dump_json(FRAMES.validate_json(line), by_alias=True)) == json.loads(line)


def test_the_designs_delta_says_what_it_says() -> None:
    """Positions, rows with and without `extra`, and lanes."""
    frame = FRAMES.validate_json(DESIGN["delta"])
    assert isinstance(frame, Delta)
    assert (frame.epoch, frame.first, frame.last) == (7, 88123401, 88123403)
    assert frame.rows[0] == (RowKind.USER_GROUP, 12, 20417, 391, 0, 918273701)
    assert frame.rows[2] == (RowKind.IMAGE, 12, 5512, 41002, 1, 3, {"name": "ledger-core/api"})
    assert frame.as_of == {"s3p7": 1763892000100}


@given(st.lists(rows, max_size=5), number, st.dictionaries(st.text(max_size=5), number, max_size=3))
def test_a_delta_survives_json(some: list[Row], first: int, lanes: dict[str, int]) -> None:
    """Any rows, also of kinds that a newer sender knows."""
    frame = Delta(epoch=1, first=first, last=first + len(some), t=0, rows=some, as_of=lanes)
    assert FRAMES.validate_json(frame.model_dump_json(by_alias=True)) == frame


@given(st.lists(rows, max_size=5))
def test_a_snapshot_survives_json(some: list[Row]) -> None:
    """A snapshot is rows, like a frame."""
    snapshot = Snapshot(epoch=1, seq=9, rows=some, as_of={"s1": 4})
    assert Snapshot.model_validate_json(snapshot.model_dump_json()) == snapshot


def test_unknown_keys_are_passed_over() -> None:
    """Frames and image records may grow within a major version."""
    assert FRAMES.validate_json('{"k":"beat","e":7,"head":1,"t":2,"new":[3]}') == Beat(epoch=7, head=1, t=2)
    assert ImageRow.model_validate({**_image(), "cosign": True}) == ImageRow.model_validate(_image())


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        '{"k":"delta","e":7}',
        '{"k":"news","e":7}',
        '{"k":"beat","e":"x","head":1,"t":2}',
        '{"k":"delta","e":1,"from":0,"to":1,"t":0,"c":[[1,2,3]]}',
        '{"k":"delta","e":1,"from":0,"to":1,"t":0,"c":[[1,2,3,4,5,"six"]]}',
        '{"k":"delta","e":1,"from":0,"to":1,"t":0,"c":[[1,2,3,4,5,6,7]]}',
    ],
)
def test_what_is_no_frame_is_refused(line: str) -> None:
    """A frame that can't be read is an error, never an empty one."""
    with pytest.raises(ValidationError):
        FRAMES.validate_json(line)


def test_an_image_row_without_the_newer_fields_is_narrow() -> None:
    """No consumers, no override, no grace."""
    row = ImageRow.model_validate(_image())
    assert (row.consumer_repositories, row.admin_override, row.pull_grace_until) == ([], False, None)


def _image() -> dict[str, Any]:
    return {
        "name": "ledger-core/api",
        "visibility": "inherit",
        "push_policy": "repository_write",
        "state": "active",
        "link_gen": 2,
        "acl_seq": 7,
    }
