"""What a declared source may speak of, and in which partition (authorization.md §2.1, §2.5)."""

from uuid import UUID

from moorage.events.decoding import Fact
from moorage.events.fact_data import FactData
from moorage.events.facts import STATE_TYPES
from moorage.events.identity_facts import CredentialSet, UserSet
from moorage.events.signals import Heartbeat
from moorage.events.topics import AUTHORITY, IDENTITY
from moorage.permissions.records import Source


def may_say(source: Source, fact: Fact) -> bool:
    """Whether the source is declared to tell this fact's type and workspace; signals need no type of their own."""
    spec = source.spec
    if spec.event_source is not None and fact.event.source != spec.event_source:
        return False
    state = type(fact.data) in STATE_TYPES
    if not state and isinstance(fact.data, Heartbeat):
        return fact.data.source == spec.name
    if spec.types is not None and state and fact.event.type not in spec.types:
        return False
    return spec.workspaces is None or fact.workspace is None or fact.workspace in spec.workspaces


def fits_partition(fact: Fact, part: int) -> bool:
    """Whether a fact stands in the partition that the contract gives it, and a heartbeat in the one it speaks of."""
    data = fact.data
    if type(data) not in STATE_TYPES and isinstance(data, Heartbeat):
        return _stated(fact, data) in (None, str(part))
    return _partition_of(data) in (None, part)


def _partition_of(data: FactData) -> int | None:
    if data.workspace is not None:
        return AUTHORITY.partition_of(data.workspace)
    own: UUID | None = data.id if isinstance(data, UserSet | CredentialSet) else None
    return IDENTITY.partition_of(own) if own is not None else None


def _stated(fact: Fact, data: Heartbeat) -> str | None:
    if data.partition is not None:
        return str(data.partition)
    return fact.key.removeprefix(f"hb:{data.source}").lstrip(":") or None
