"""Compares a statement's row type with the columns PostgreSQL would return, without running it."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from moorage.runtime.statement import Connection, Statement, has_columns

PYTHON_TYPE: Final[Mapping[str, Any]] = {
    "bool": bool,
    "bytea": bytes,
    "date": date,
    "float4": float,
    "float8": float,
    "int2": int,
    "int4": int,
    "int8": int,
    "interval": timedelta,
    "name": str,
    "numeric": Decimal,
    "text": str,
    "timestamptz": datetime,
    "uuid": UUID,
    "varchar": str,
}


async def misfits(connection: Connection, statement: Statement[Any]) -> list[str]:
    """What does not fit between the statement and the connected schema, in sentences; empty when all fits.

    Raises what PREPARE raises when the SQL itself does not fit. Any Python type is accepted for json, jsonb and
    arrays of unknown items, any tuple for a row within a row; `X | None` is accepted wherever X is, because PREPARE
    does not know what may be NULL.
    """
    prepared = await connection.prepare(statement.sql)
    columns = [(attribute.name, attribute.type.name) for attribute in prepared.get_attributes()]
    if statement.row is type(None):
        return [f"returns {name}, its row type says nothing" for name, _ in columns]
    if not has_columns(statement.row):
        return _scalar_misfits(columns, statement.row)
    return _row_misfits(columns, _fields_of(statement.row))


def _scalar_misfits(columns: list[tuple[str, str]], row: type[Any]) -> list[str]:
    if len(columns) != 1:
        return [f"returns {len(columns)} columns, a scalar row type needs one"]
    name, type_name = columns[0]
    return [] if _fits(type_name, row) else [f"{name} is {type_name}, the row type says {row}"]


def _row_misfits(columns: list[tuple[str, str]], fields: dict[str, Any]) -> list[str]:
    missing = [f"{name} is in the row type only" for name in fields if name not in dict(columns)]
    unknown = [f"{name} is not in the row type" for name, _ in columns if name not in fields]
    wrong = [
        f"{name} is {type_name}, the row type says {fields[name]}"
        for name, type_name in columns
        if name in fields and not _fits(type_name, fields[name])
    ]
    return missing + unknown + wrong


def _fields_of(row: type[Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(row)
    if dataclasses.is_dataclass(row):
        return {field.name: hints[field.name] for field in dataclasses.fields(row)}
    return {name: hints[name] for name in row._fields}


def _fits(type_name: str, hint: Any) -> bool:
    hint = _without_none(hint)
    if type_name.endswith("[]"):
        item = typing.get_args(hint)
        return typing.get_origin(hint) is list and (not item or _fits(type_name[:-2], item[0]))
    if type_name in ("json", "jsonb"):
        return True
    if type_name == "record":
        return typing.get_origin(hint) is tuple
    return type_name in PYTHON_TYPE and PYTHON_TYPE[type_name] is hint


def _without_none(hint: Any) -> Any:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        rest = [argument for argument in typing.get_args(hint) if argument is not type(None)]
        return rest[0] if len(rest) == 1 else hint
    return hint
