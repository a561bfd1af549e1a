"""The numbers of a registry of several processes as one text: each worker's series have a label `worker`."""

from collections.abc import Iterable, Mapping
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from moorage.standalone.workers import Workers

_PATH: Final = "/metrics"


def numbers_of_all(own: CollectorRegistry, workers: Workers) -> Middleware:
    """A middleware that answers `/metrics` for the whole registry; a worker that does not answer is left out."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != _PATH:
            return await handler(request)
        told = {number: text for number, (status, text) in (await workers.answers(_PATH)).items() if status == 200}
        text = merged(generate_latest(own).decode(), told)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return answer


def merged(own: str, workers: Mapping[int, str]) -> bytes:
    """One text of several in which each name is described once, as scrapers demand. Pure."""
    families = {family.name: family for family in text_string_to_metric_families(own)}
    for number, text in workers.items():
        for family in text_string_to_metric_families(text):
            whole = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            whole.samples += [
                sample._replace(labels={**sample.labels, "worker": str(number)}) for sample in family.samples
            ]
    return generate_latest(_Families(families.values()))


class _Families(CollectorRegistry):
    """What was collected elsewhere."""

    def __init__(self, families: Iterable[Metric]) -> None:
        super().__init__()
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        """All of it."""
        return iter(self._families)
