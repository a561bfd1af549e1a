"""From bytes to facts, or to a short reason why not; whatever the bytes are, in bounded time and memory."""

import re
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic import ValidationError

from moorage.events.envelope import Envelope, Origin
from moorage.events.fact_data import FactData
from moorage.events.facts import FACTS, PREFIX, STATE_TYPES
from moorage.events.fields import normal_uuid
from moorage.events.plain_reading import MAX_FACT_BYTES, MAX_INTEGER_DIGITS, plain
from moorage.events.signals import Heartbeat
from moorage.oci.strict_json import JsonRefused, read_json

_KNOWN_MAJOR: Final = re.compile(re.escape(PREFIX) + r"(scm|identity)\.[a-z_.]+\.v1")
_BRACES: Final = str.maketrans("", "", "{}")


class Fact(NamedTuple):
    """The fact that an event carries, and which event that was; `key` is the normalised subject."""

    event: Origin
    data: FactData
    key: str

    @property
    def workspace(self) -> UUID | None:
        """The workspace, or None for a fact of the identity topic."""
        return self.data.workspace


class FactInvalid(Exception):
    """The record is not a fact we can apply. `reason` is a word for programs, `detail` a phrase for people.

    `workspace` and `key` are what could be read of it, to know what the record might have changed.
    """

    def __init__(self, reason: str, detail: str = "", workspace: UUID | None = None, key: str | None = None) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
        self.workspace = workspace
        self.key = key


class FactIgnored(Exception):
    """A type that we don't know and that its producer calls uncritical: counted, nothing else."""


def decode_fact(body: bytes) -> Fact:
    """The fact that a record or line carries. Raises FactInvalid or FactIgnored, nothing else."""
    said = plain(body)
    # What is wrong with a record is for the long way to say.
    if said is not None and (fact := _agreed(said.origin, said.subject, said.partitionkey, said.data)):
        return fact
    return decode_anything(body)


def decode_anything(body: bytes) -> Fact:
    """The long way, step by step, which knows what is wrong with a record. Raises FactInvalid, FactIgnored."""
    try:
        document = read_json(body, max_bytes=MAX_FACT_BYTES, max_integer_digits=MAX_INTEGER_DIGITS)
    except JsonRefused as error:
        raise FactInvalid(error.reason, str(error)) from None
    if not isinstance(document, dict):
        raise FactInvalid("not_an_object")
    try:
        return _read(document)
    except FactInvalid as error:
        error.workspace, error.key = _workspace_of(document), _key_of(document)
        raise


def _read(document: dict[str, Any]) -> Fact:
    try:
        event = Envelope.model_validate(document)
    except ValidationError as error:
        raise FactInvalid("envelope", _where(error)) from None
    model = FACTS.get(event.type)
    if model is None:
        if _KNOWN_MAJOR.fullmatch(event.type) and not event.critical:
            raise FactIgnored(event.type)
        raise FactInvalid("unknown_type", event.type)
    try:
        data = model.model_validate(event.data)
    except ValidationError as error:
        raise FactInvalid("schema", _where(error)) from None
    return _consistent(event, data)


def _consistent(event: Envelope, data: FactData) -> Fact:
    fact = _agreed(event.origin, event.subject, event.partitionkey, data)
    if fact is None and _key(event.subject, data) is None:
        raise FactInvalid("key_mismatch", f"the subject of this fact is {data.key()}")
    if fact is None:
        raise FactInvalid("partition_key_mismatch", f"the partition key of this fact is ws:{data.workspace}")
    return fact


def _agreed(event: Origin, subject: str, partitionkey: str | None, data: FactData) -> Fact | None:
    """The fact, if subject and partition key are those of the data."""
    key = _key(subject, data)
    if key is None:
        return None
    if data.workspace is not None and partitionkey is not None:
        of_workspace = _partition_key(data.workspace)
        if partitionkey != of_workspace and _normal(partitionkey) != of_workspace:
            return None
    return Fact(event, data, key)


@lru_cache(maxsize=1024)
def _partition_key(workspace: UUID) -> str:
    return f"ws:{workspace}"


def _key(subject: str, data: FactData) -> str | None:
    # Asking a model for its exact type is cheap, whether it is an instance of another one is not.
    if type(data) not in STATE_TYPES and isinstance(data, Heartbeat):
        mine = subject == f"hb:{data.source}" or subject.startswith(f"hb:{data.source}:")
        return subject if mine else None
    key = data.key()
    return key if subject == key or _normal(subject) == key else None


def _normal(subject: str) -> str:
    return subject.translate(_BRACES).lower()


def _where(error: ValidationError) -> str:
    """The first fault, without the value that caused it (R146)."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])[:100]
    return f"{place}: {first['msg']}" if place else first["msg"]


def _workspace_of(document: dict[str, Any]) -> UUID | None:
    data = document.get("data")
    key = document.get("partitionkey")
    stated = data.get("workspace") if isinstance(data, dict) else None
    for text in (stated, key[3:] if isinstance(key, str) and key.startswith("ws:") else None):
        try:
            return normal_uuid(text)
        except ValueError:
            continue
    return None


def _key_of(document: dict[str, Any]) -> str | None:
    subject = document.get("subject")
    if not isinstance(subject, str) or len(subject) > 1024 or not subject.isprintable():
        return None
    return _normal(subject)
