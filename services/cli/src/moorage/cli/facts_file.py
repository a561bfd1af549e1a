"""Reads facts that people write: CloudEvents, one per line or in a JSON array, with what is obvious left out. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import uuid4

from pydantic import ValidationError

from moorage.cli.failure import UsageInvalid
from moorage.events.decoding import FactIgnored, FactInvalid, decode_fact
from moorage.events.facts import FACTS

MAX_LINES: Final = 1_000
MAX_BYTES: Final = 4 * 1024 * 1024
PREFIX: Final = "dev.moorage."
IDENTITY: Final = ("user.", "credential.")
SHOWN: Final = 5
REMEDY: Final = "Write one JSON object with `type` and `data` per line, or an array of them; --help shows examples."


GrantRole = Literal["none", "read", "write", "admin"]


@dataclass(frozen=True, slots=True)
class Line:
    """A fact, and the line of the file (or the place in the array) where it begins, counted from 1."""

    number: int
    event: dict[str, Any]

    def encoded(self) -> bytes:
        """One line of NDJSON, with its end."""
        return json.dumps(self.event, separators=(",", ":")).encode() + b"\n"

    def fault(self) -> str | None:
        """Why the registry would refuse the fact, as far as it can be known without asking."""
        try:
            decode_fact(self.encoded())
        except FactIgnored:
            return None
        except FactInvalid as error:
            reason = error.reason.replace("_", " ")
            return f"line {self.number}: {reason}: {error.detail}" if error.detail else f"line {self.number}: {reason}"
        return None


def parse(text: str, source: str, now: datetime) -> list[Line]:
    """The facts in `text`, each completed to a whole CloudEvent of `source`. Raises UsageInvalid, naming the line."""
    text = text.removeprefix("\ufeff")
    numbered = _array(text) if text.lstrip().startswith("[") else _lines(text)
    lines = [Line(number, complete(_object(number, value), source, now)) for number, value in numbered]
    if not lines:
        raise UsageInvalid("There is no fact in the input.", REMEDY)
    if faults := [fault for line in lines if (fault := line.fault())]:
        raise UsageInvalid(f"Nothing was sent, because of {shortened(faults)}.", "Correct these lines.")
    return lines


def grant_line(workspace: str, repository: str, user: str, role: GrantRole) -> str:
    """The fact, as one line for `parse`, that gives the user the role on the repository; all by their UUIDs."""
    node, grantee = {"kind": "repository", "id": repository}, {"kind": "user", "id": user}
    data = {"workspace": workspace, "node": node, "grantee": grantee, "role": role}
    return json.dumps({"type": "grant.set.v1", "data": data}, separators=(",", ":"))


def shortened(faults: list[str]) -> str:
    """The first few of them, and how many follow."""
    more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
    return "; ".join(faults[:SHOWN]) + more


def complete(event: dict[str, Any], source: str, now: datetime) -> dict[str, Any]:
    """The event with what may be left out: the envelope, the subject, the prefix of a short type (`grant.set.v1`)."""
    kind = event.get("type")
    if isinstance(kind, str) and not kind.startswith(PREFIX):
        event = event | {"type": f"{PREFIX}{'identity' if kind.startswith(IDENTITY) else 'scm'}.{kind}"}
    defaults = {"specversion": "1.0", "id": str(uuid4()), "source": source, "time": now.isoformat()}
    return defaults | {"subject": _subject(event)} | event


def _subject(event: dict[str, Any]) -> str:
    """The key of the fact; if it can't be known, something that says so, and the fault of the data is told later."""
    model = FACTS.get(str(event.get("type")))
    try:
        return model.model_validate(event.get("data")).key() if model else "unknown"
    except ValidationError:
        return "unknown"


def batches(lines: list[Line]) -> Iterator[list[Line]]:
    """The facts in order, in batches as large as one request may be."""
    batch: list[Line] = []
    size = 0
    for line in lines:
        length = len(line.encoded())
        if batch and (len(batch) == MAX_LINES or size + length > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += length
    if batch:
        yield batch


def _lines(text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, _json(line, f"Line {number}")


def _array(text: str) -> Iterator[tuple[int, Any]]:
    yield from enumerate(_json(text, "The array"), start=1)


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if error.lineno > 1 else f"column {error.colno}"
        raise UsageInvalid(f"{what} is not valid JSON: {error.msg} at {place}.", REMEDY) from None
    except (ValueError, RecursionError):
        raise UsageInvalid(f"{what} is not JSON that can be read.", REMEDY) from None


def _object(number: int, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageInvalid(f"Line {number} is not a JSON object.", REMEDY)
    for field, kind in (("type", str), ("data", dict)):
        if not isinstance(value.get(field), kind):
            raise UsageInvalid(f"Line {number} has no {field!r}, or not of the right kind.", REMEDY)
    return value
