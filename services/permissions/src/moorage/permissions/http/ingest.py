"""`POST /internal/v1/facts`: facts over HTTP (authorization.md §2.5)."""

from typing import Final

from aiohttp import web

from moorage.access.problems import BodyTooLarge, Forbidden, InputInvalid, NotFound
from moorage.access.reason import Reason
from moorage.permissions.apply import Apply
from moorage.permissions.authority import answering
from moorage.permissions.batches import Record
from moorage.permissions.http.bodies import answer, read_body
from moorage.permissions.http.callers import ServiceGuard
from moorage.permissions.http_ingest_metrics import HttpIngestMetrics
from moorage.permissions.ports import Ledger
from moorage.permissions.records import Credential, Source, Transport
from moorage.permissions.sources import LOCAL

MAX_LINES: Final = 1000
MAX_BYTES: Final = 8 * 1024 * 1024


class SourceFinder:
    """The source that a credential speaks for; the operator speaks for `local`, or for whichever is named."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def find(self, credential: Credential, wanted: str | None) -> Source:
        """Raises NotFound, Forbidden."""
        with answering():
            async with self._ledger.viewing() as view:
                sources = await view.sources.all()
        if credential.operator:
            found = next((each for each in sources if each.spec.name == (wanted or LOCAL.name)), None)
        else:
            found = next((each for each in sources if each.credential == credential.id), None)
        if found is None:
            raise NotFound("no such source is declared")
        if wanted not in (None, found.spec.name):
            raise Forbidden("this credential does not speak for that source", reason=Reason.NOT_ADMIN.value)
        return found


class Ingest:
    """The route of sources."""

    def __init__(self, sources: SourceFinder, apply: Apply, guard: ServiceGuard, metrics: HttpIngestMetrics) -> None:
        self._sources = sources
        self._apply = apply
        self._guard = guard
        self._metrics = metrics

    async def facts(self, request: web.Request) -> web.Response:
        """Applies a batch as the source whose credential is shown; the operator writes as `local`, or as `?source=`."""
        credential = await self._guard.admit(request)
        source = await self._sources.find(credential, request.query.get("source"))
        if source.spec.transport is not Transport.HTTP:
            raise Forbidden("this source's facts come over Kafka", reason=Reason.NOT_ADMIN.value)
        records = _records(await read_body(request, MAX_BYTES))
        with answering(), self._metrics.taking(source.spec.name):
            told = await self._apply.over_http(source, records)
        self._metrics.took(source.spec.name, told)
        return answer(told)


def _records(body: bytes) -> list[Record]:
    """One record per line that holds something, numbered from 1 as the sender counts. Raises the limits' Problems."""
    if body.count(b"\n") > 2 * MAX_LINES:
        raise BodyTooLarge(f"a batch has at most {MAX_LINES} lines")
    lines = [(number, line.strip(b" \t\r")) for number, line in enumerate(body.split(b"\n"), 1)]
    records = [Record(number, line) for number, line in lines if line]
    if len(records) > MAX_LINES:
        raise BodyTooLarge(f"a batch has at most {MAX_LINES} lines")
    if not records:
        raise InputInvalid("the batch is empty: send one CloudEvent as JSON per line")
    return records
