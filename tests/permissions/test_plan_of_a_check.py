"""The plans of a check and of a list are made once and kept: they must be good whatever the tables held then."""

import re

import pytest

from moorage.permissions.postgres.cases import SEEN
from moorage.permissions.postgres.reach import OPEN
from moorage.runtime.postgres import Database

SMALL = {"meta", "lane", "source", "authority"}
"""A row, the lanes, the sources, and which source has told of which workspace by table."""


@pytest.mark.parametrize("sql", [SEEN.sql, OPEN.sql], ids=["check", "list"])
async def test_everything_but_the_smallest_tables_is_looked_up_by_index(permissions_dsn: str, sql: str) -> None:
    """Also over tables that are empty, where reading them is what looks cheapest."""
    async with (
        await Database.open(permissions_dsn, "permissions", plan_once=True) as database,
        database.connection() as connection,
    ):
        await connection.execute(f"PREPARE looked_at AS {sql}")
        [asked] = await connection.fetch(
            "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'looked_at'"
        )
        nothing = ", ".join(["NULL"] * asked[0])
        lines = [row[0] for row in await connection.fetch(f"EXPLAIN EXECUTE looked_at({nothing})")]
    read = {found[1] for line in lines if (found := re.search(r"Seq Scan on (\w+)", line))}
    assert read <= SMALL
    assert not [line for line in lines if "Hash Join" in line or "Merge Join" in line]
