"""Sources of facts: declared before their first fact (authorization.md §2.5), and what each may speak of."""

from typing import Final
from uuid import UUID

from pydantic import Field

from moorage.access import wire
from moorage.events.fields import Text
from moorage.permissions.credentials import OPERATOR, mint_service
from moorage.permissions.ports import Ledger, Pepper
from moorage.permissions.records import Source, SourceKind, SourceSpec, Transport
from moorage.runtime.clock import Clock

LOCAL: Final = SourceSpec("local", SourceKind.MANUAL, Transport.HTTP)
KAFKA: Final = SourceSpec("kafka", SourceKind.CONTINUOUS, Transport.KAFKA)


class DeclareSourceRequest(wire.Request):
    """A source, before its first fact; empty lists mean everything."""

    name: str = Field(pattern=r"[a-z0-9][a-z0-9._:-]{0,62}", max_length=63)
    kind: SourceKind = SourceKind.CONTINUOUS
    transport: Transport = Transport.HTTP
    mode: str = Field(default="event", pattern="event|poll")
    event_source: Text | None = None
    workspaces: frozenset[UUID] = frozenset()
    types: frozenset[Text] = frozenset()

    def spec(self) -> SourceSpec:
        """The declaration as a value."""
        return SourceSpec(
            self.name,
            self.kind,
            self.transport,
            self.mode,
            self.event_source,
            self.workspaces or None,
            self.types or None,
        )


class DeclareSourceAnswer(wire.Answer):
    """The source; `secret` is shown once, to a source over HTTP that had no credential."""

    id: int
    name: str
    secret: str | None = Field(default=None, repr=False)


class SourceDeclarations:
    """Declares sources."""

    def __init__(self, ledger: Ledger, pepper: Pepper, clock: Clock) -> None:
        self._ledger = ledger
        self._pepper = pepper
        self._clock = clock

    async def bootstrap(self) -> str | None:
        """Once: the operator's credential, whose secret is answered, and the source for facts written by hand."""
        async with self._ledger.changing() as change:
            if await change.credentials.operator() is not None:
                return None
            credential, secret = await mint_service(change, self._pepper, OPERATOR, self._clock.now())
            await change.sources.declare(LOCAL, credential.id)
            return secret

    async def declare(self, request: DeclareSourceRequest) -> DeclareSourceAnswer:
        """The source as declared now; declaring it again keeps its credential and counter."""
        async with self._ledger.changing() as change:
            known = await change.sources.named(request.name)
            credential, secret = (known.credential if known else None), None
            if credential is None and request.transport is Transport.HTTP:
                minted, secret = await mint_service(change, self._pepper, f"source {request.name}", self._clock.now())
                credential = minted.id
            source = await change.sources.declare(request.spec(), credential)
            return DeclareSourceAnswer(id=source.id, name=source.spec.name, secret=secret)

    async def ensure(self, spec: SourceSpec) -> Source:
        """The source of this name, declared if it isn't."""
        async with self._ledger.changing() as change:
            return await change.sources.named(spec.name) or await change.sources.declare(spec, None)
