"""Long lines of the stream are read in pieces, and say the same as if they were read at once."""

import asyncio

import pytest
from pydantic import TypeAdapter

from moorage.access.frames import Delta, Frame, Row, RowKind
from moorage.gateway.adapters.frame_reader import LONG_BYTES, ROWS_AT_ONCE, read_frame

ROWS: list[Row] = [
    (RowKind.INTERN, 0, user, 0, 0, 0, {"kind": "user", "uuid": f'0000-{user} ], [ \\ " ü'})
    for user in range(ROWS_AT_ONCE * 3 + 7)
]
LONG = (
    Delta(epoch=3, first=10, last=10 + len(ROWS), t=77, rows=ROWS, as_of={"s1p0": 5})
    .model_dump_json(by_alias=True)
    .encode()
)
AT_ONCE: TypeAdapter[Frame] = TypeAdapter(Frame)


async def test_a_long_line_is_the_frame_that_it_spells() -> None:
    """With everything that it says, in order; others have their turn meanwhile."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(others())
    assert len(LONG) > LONG_BYTES
    assert await read_frame(LONG) == AT_ONCE.validate_json(LONG)
    waiting.cancel()
    assert turns >= len(ROWS) // ROWS_AT_ONCE


EDGES: list[Row] = [(RowKind.USER_GROUP, 1, user, 7, 1, 2**40) for user in range(2 * len(ROWS))]


@pytest.mark.parametrize(
    "rows",
    [EDGES, [*ROWS, *EDGES], [*EDGES, *ROWS], [each for two in zip(ROWS, EDGES, strict=False) for each in two]],
    ids=["edges", "names first", "names last", "mixed"],
)
async def test_rows_of_either_length_are_read_alike(rows: list[Row]) -> None:
    """Wherever they meet; and what only the model takes for a number, it still does."""
    line = Delta(epoch=3, first=10, last=10 + len(rows), t=77, rows=rows).model_dump_json(by_alias=True).encode()
    assert len(line) >= LONG_BYTES
    assert await read_frame(line) == AT_ONCE.validate_json(line)
    odd = line.replace(b"[1,1,20,7,", b'[1,1,"20",7,')
    assert odd != line
    assert await read_frame(odd) == AT_ONCE.validate_json(odd) == await read_frame(line)


@pytest.mark.parametrize("k", ["beat", "reset"])
async def test_a_long_line_may_be_another_frame(k: str) -> None:
    """Long because of what nobody knows yet."""
    line = b'{"k":"%b","e":1,"head":2,"t":3,"reason":"x","later":"%b"}' % (k.encode(), b"x" * LONG_BYTES)
    assert await read_frame(line) == AT_ONCE.validate_json(line)


@pytest.mark.parametrize(
    "line",
    [
        LONG[:-40],
        LONG.replace(b'"c":[[', b'"c":[[[', 1),
        LONG.replace(b"[0,0,20,", b'[0,0,"twenty",', 1),
        LONG.replace(b"[0,0,20,", b"[0,0,", 1),
        LONG.replace(b'"c":', b'"d":', 1),
        b"[" + LONG + b"]",
        b'"' + b"x" * LONG_BYTES + b'"',
    ],
    ids=["cut", "nested", "no number", "a column short", "without rows", "a list", "text"],
)
async def test_what_is_no_frame_is_refused(line: bytes) -> None:
    """As it would be if it were read at once."""
    with pytest.raises(ValueError):
        AT_ONCE.validate_json(line)
    with pytest.raises(ValueError):
        await read_frame(line)
