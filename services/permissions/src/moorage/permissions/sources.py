"""Sources of facts: declared before their first fact (authorization.md §2.5), and what each may speak of."""

from typing import Final, Literal
from uuid import UUID

from pydantic import Field, PositiveFloat

from moorage.access import wire
from moorage.events.fields import Text
from moorage.permissions.credentials import mint_service
from moorage.permissions.ports import Ledger, Pepper
from moorage.permissions.records import Source, SourceKind, SourceSpec, Transport
from moorage.runtime.clock import Clock

LOCAL: Final = SourceSpec("local", SourceKind.MANUAL, Transport.HTTP)
KAFKA: Final = SourceSpec("kafka", SourceKind.CONTINUOUS, Transport.KAFKA)


class DeclareSourceRequest(wire.Request):
    """A source, before its first fact; empty lists mean everything."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._:-]{0,62}$")
    kind: SourceKind = SourceKind.CONTINUOUS
    transport: Transport = Transport.HTTP
    mode: Literal["event", "poll"] = "event"
    event_source: Text | None = None
    workspaces: frozenset[UUID] = frozenset()
    types: frozenset[Text] = frozenset()
    bounds: dict[Literal["fresh", "aging", "push", "pull", "public"], PositiveFloat] = Field(default_factory=dict)
    """Staleness bounds of its own, in seconds; the site's hold for those that are not named."""

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
            {str(name): seconds for name, seconds in self.bounds.items()},
        )


class DeclareSourceAnswer(wire.Answer):
    """The source; `secret` is shown once, to one that had no credential. Over Kafka it only fetches requests."""

    id: int
    name: str
    secret: str | None = Field(default=None, repr=False)


class SourceBody(wire.Answer):
    """A declared source; without `workspaces` or `types` it may speak of all."""

    id: int
    name: str
    kind: SourceKind
    transport: Transport
    mode: str
    event_source: str | None
    workspaces: list[UUID] | None
    types: list[str] | None
    bounds: dict[str, float]

    @classmethod
    def of(cls, source: Source) -> "SourceBody":
        """The body that says `source`."""
        spec = source.spec
        return cls(
            id=source.id,
            name=spec.name,
            kind=spec.kind,
            transport=spec.transport,
            mode=spec.mode,
            event_source=spec.event_source,
            workspaces=None if spec.workspaces is None else sorted(spec.workspaces),
            types=None if spec.types is None else sorted(spec.types),
            bounds=dict(spec.bounds),
        )


class ListSourcesAnswer(wire.Answer):
    """All of them, in the order in which they were declared."""

    sources: list[SourceBody]


class SourceDeclarations:
    """Declares sources, and lists them."""

    def __init__(self, ledger: Ledger, pepper: Pepper, clock: Clock) -> None:
        self._ledger = ledger
        self._pepper = pepper
        self._clock = clock

    async def all(self) -> ListSourcesAnswer:
        """Every declared source."""
        async with self._ledger.viewing() as view:
            return ListSourcesAnswer(sources=[SourceBody.of(each) for each in await view.sources.all()])

    async def declare(self, request: DeclareSourceRequest) -> DeclareSourceAnswer:
        """The source as declared now; declaring it again keeps its credential and counter."""
        async with self._ledger.changing() as change:
            known = await change.sources.named(request.name)
            credential, secret = (known.credential if known else None), None
            if credential is None:
                minted, secret = await mint_service(change, self._pepper, f"source {request.name}", self._clock.now())
                credential = minted.id
            source = await change.sources.declare(request.spec(), credential)
            return DeclareSourceAnswer(id=source.id, name=source.spec.name, secret=secret)

    async def ensure(self, spec: SourceSpec) -> Source:
        """The source of this name, declared if it isn't."""
        async with self._ledger.changing() as change:
            return await change.sources.named(spec.name) or await change.sources.declare(spec, None)
