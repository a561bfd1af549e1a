"""The plan of a check is made once and kept: it must be good whatever the tables held when it was made."""

import re

from moorage.permissions.postgres.cases import SEEN
from moorage.runtime.postgres import Database

SMALL = {"meta", "lane", "source", "authority"}
"""A row, the lanes, the sources, and which source has told of which workspace by table."""


async def test_everything_but_the_smallest_tables_is_looked_up_by_index(permissions_dsn: str) -> None:
    """Also over tables that are empty, where reading them is what looks cheapest."""
    async with (
        await Database.open(permissions_dsn, "permissions", plan_once=True) as database,
        database.connection() as connection,
    ):
        await connection.execute(f"PREPARE of_a_check AS {SEEN.sql}")
        nothing = ", ".join(["NULL"] * 7)
        lines = [row[0] for row in await connection.fetch(f"EXPLAIN EXECUTE of_a_check({nothing})")]
    read = {found[1] for line in lines if (found := re.search(r"Seq Scan on (\w+)", line))}
    assert read <= SMALL
    assert not [line for line in lines if "Hash Join" in line or "Merge Join" in line]
