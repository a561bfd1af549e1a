"""A packed snapshot tells what its rows told, and bytes that are cut or damaged tell nothing."""

import random
from array import array
from uuid import UUID

import pytest

from moorage.access.frames import Row, RowKind, Snapshot
from moorage.access.packed import BLOCK_ROWS, MAX_ALIAS, PackedUnreadable, unpack
from moorage.access.packing import Packer, pack
from moorage.access.sums import sum_of

HOME = 1


def interned(alias: int, kind: str, ws: int = HOME) -> Row:
    """An alias of that kind."""
    return (RowKind.INTERN, ws, alias, 0, 0, 0, {"kind": kind, "uuid": str(UUID(int=alias))})


ROWS: list[Row] = [
    interned(1, "workspace", 0),
    interned(2, "user", 0),
    interned(3, "project"),
    interned(4, "repository"),
    interned(5, "group"),
    interned(6, "image"),
    (RowKind.WORKSPACE, 0, 1, 0, 1, 0, {"slug": "acme", "allow_public": True, "to_come": [1, {"x": "ä"}]}),
    (RowKind.NODE, HOME, 3, 0, 1, 0, {"kind": "project", "slug": "PAY"}),
    (RowKind.NODE, HOME, 4, 3, 2, 0, {"kind": "repository", "slug": "ledger"}),
    (RowKind.NODE, HOME, 5, 0, 1, 0, {"kind": "group", "slug": "devs"}),
    (RowKind.IMAGE, HOME, 6, 4, 1, 0, {"name": "ledger/api", "acl_seq": 7, "to_come": "whatever"}),
    (RowKind.PIN, HOME, 0, 0, 1, 0, {"since": "2026-11-24T10:00:00+00:00"}),
    (RowKind.USER_GROUP, HOME, 2, 5, 1, 0),
    (RowKind.USER_REPOSITORY, HOME, 2, 4, 1, 0),
    (RowKind.USER_PROJECT, HOME, 2, 3, 2, 0),
    (RowKind.GROUP_REPOSITORY, HOME, 5, 4, 3, 0),
    (RowKind.GROUP_PROJECT, HOME, 5, 3, 1, 0),
    (RowKind.WORKSPACE_ROLE, HOME, 2, 0, 2, 0),
    (RowKind.WORKSPACE_ROLE, HOME, 5, 1, 3, 0),
]


def packed(rows: list[Row], **more: dict[str, int]) -> bytes:
    """The rows, packed."""
    return pack(Snapshot(epoch=7, seq=19, rows=rows, **more), HOME)


def test_every_kind_of_row_comes_back() -> None:
    """With whatever a later version says besides, and the position and lanes of the snapshot."""
    found = unpack(packed(ROWS, as_of={"s1p0": 5}))
    assert sorted(map(repr, found.rows)) == sorted(map(repr, [(int(row[0]), *row[1:]) for row in ROWS]))
    assert (found.epoch, found.seq, found.as_of) == (7, 19, {"s1p0": 5})


def test_the_last_row_about_a_thing_counts() -> None:
    """What was taken away leaves nothing behind."""
    away: list[Row] = [
        (RowKind.USER_GROUP, HOME, 2, 5, 0, 9),
        (RowKind.USER_REPOSITORY, HOME, 2, 4, 0, 9),
        (RowKind.USER_PROJECT, HOME, 2, 3, 3, 9),
        (RowKind.IMAGE, HOME, 6, 4, 0, 9, {"name": "ledger/api"}),
    ]
    told = {row[:5] for row in unpack(packed(ROWS + away)).rows}
    assert (RowKind.USER_PROJECT, HOME, 2, 3, 3) in told
    assert not [row for row in told if row[0] in (RowKind.USER_GROUP, RowKind.USER_REPOSITORY, RowKind.IMAGE)]


def test_rows_of_kinds_to_come_and_sections_to_come_are_ignored() -> None:
    """A newer authority may say more."""
    assert unpack(packed([*ROWS, (99, HOME, 1, 2, 3, 4)])).rows == unpack(packed(ROWS)).rows


def test_large_tables_are_read_in_blocks() -> None:
    """Each is one small piece of JSON."""
    many = 2 * BLOCK_ROWS + 1
    rows: list[Row] = [(RowKind.PRINCIPAL, 0, 10 + n, 0, 1, 0, {"account": f"u{n}"}) for n in range(many)]
    table = unpack(pack(Snapshot(epoch=1, seq=1, rows=rows))).table(RowKind.PRINCIPAL)
    assert [extra for _, _, _, extra in table] == [{"account": f"u{n}"} for n in range(many)]
    assert len(table.blocks) == 3


def test_whatever_is_cut_or_damaged_is_refused() -> None:
    """At every length, and for a changed bit anywhere: never another state."""
    whole = packed(ROWS)
    for end in range(len(whole)):
        with pytest.raises(PackedUnreadable):
            unpack(whole[:end])
    chance = random.Random(3)
    for _ in range(500):
        at, bit = chance.randrange(len(whole)), 1 << chance.randrange(8)
        with pytest.raises(PackedUnreadable):
            unpack(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])


@pytest.mark.parametrize(
    ("keys", "targets"),
    [([2, 2], [5, 5]), ([2, 2], [9, 5]), ([3, 2], [5, 5]), ([MAX_ALIAS + 1], [5])],
    ids=["an edge twice", "a row that descends", "keys that descend", "no alias"],
)
def test_columns_that_are_not_in_order_are_refused(keys: list[int], targets: list[int]) -> None:
    """They would be searched in vain."""
    packer = Packer(HOME)
    packer.edges(array("I", keys), array("I", targets))
    with pytest.raises(PackedUnreadable):
        unpack(packer.finish(1, 1, {}))


@pytest.mark.parametrize(
    "row",
    [
        (RowKind.USER_REPOSITORY, HOME, 2, 4, 4, 0),
        (RowKind.USER_REPOSITORY, HOME, 2, MAX_ALIAS + 1, 1, 0),
        (RowKind.USER_REPOSITORY, HOME, 0, 4, 1, 0),
    ],
    ids=["no role", "an alias too large", "no alias"],
)
def test_what_does_not_fit_is_not_packed(row: Row) -> None:
    """It fails loudly where it is written."""
    with pytest.raises(ValueError, match="two aliases"):
        packed([row])


def test_the_sum_tells_every_difference() -> None:
    """Of any one row that is missing, or says something else."""
    whole = sum_of(unpack(packed(ROWS)))
    for row in ROWS:
        if row[0] in (RowKind.INTERN, RowKind.WORKSPACE, RowKind.PIN):
            continue
        assert sum_of(unpack(packed([each for each in ROWS if each is not row]))) != whole
    moved = [(*row[:4], 3 - row[4], *row[5:]) if row[0] in (3, 5) else row for row in ROWS]
    assert sum_of(unpack(packed(moved))) != whole
