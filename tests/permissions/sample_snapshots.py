"""Snapshots as a bridge sends them: tagged facts between two signals, with their count and checksum."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from moorage.events.checksums import MODULUS, digest_of, is_there, written
from moorage.events.decoding import decode_fact
from permissions.sample_facts import event, uuid_of


def tagged(fact: bytes, snapshot: str) -> bytes:
    """The fact as part of a snapshot."""
    document = json.loads(fact)
    document["data"]["snapshot"] = snapshot
    return json.dumps(document, separators=(",", ":")).encode()


def timed(fact: bytes, time: str) -> bytes:
    """The fact with the time of its event."""
    return json.dumps({**json.loads(fact), "time": time}, separators=(",", ":")).encode()


def checksum_of(facts: Sequence[bytes]) -> tuple[int, str]:
    """Count and checksum of facts, one per key."""
    data = [decode_fact(each).data for each in facts]
    there = [digest_of(each) for each in data if is_there(each)]
    return len(there), written(sum(there) % MODULUS)


def started(snapshot: str, as_of: int | None, of: str = "acme") -> bytes:
    """The begin of a snapshot."""
    ws = str(uuid_of("workspace", of))
    data: dict[str, Any] = {"workspace": ws, "snapshot": snapshot}
    return event("scm.snapshot.started", f"sn:{ws}", data if as_of is None else data | {"as_of_version": as_of})


def completed(snapshot: str, told: Sequence[bytes], of: str = "acme", **claims: object) -> bytes:
    """The end of a snapshot of these facts; `claims` say something else."""
    ws: str = str(uuid_of("workspace", of))
    count, checksum = checksum_of(told)
    data = {"workspace": ws, "snapshot": snapshot, "facts": count, "checksum": checksum} | claims
    return event("scm.snapshot.completed", f"sn:{ws}", data)


def whole(snapshot: str, as_of: int | None, facts: Sequence[bytes], of: str = "acme") -> list[bytes]:
    """All of a snapshot."""
    return [started(snapshot, as_of, of), *(tagged(each, snapshot) for each in facts), completed(snapshot, facts, of)]


def checksum(facts: Sequence[bytes], as_of: int, of: str = "acme", **other: object) -> bytes:
    """What a source says that it has."""
    ws: UUID = uuid_of("workspace", of)
    count, sum_ = checksum_of(facts)
    data = {"workspace": str(ws), "as_of_version": as_of, "facts": count, "checksum": sum_} | other
    return event("scm.checksum", f"cs:{ws}", data)


def heartbeat(source: str, as_of: str, partition: int | None = None, lane: str = "scm") -> bytes:
    """All of the source's events up to then have been sent."""
    key = f"hb:{source}" if partition is None else f"hb:{source}:{partition}"
    return event(f"{lane}.heartbeat", key, {"source": source, "as_of": as_of})
