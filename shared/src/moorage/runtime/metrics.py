"""Numbers of a process for Prometheus: one registry per process, made by the composition root, never a global."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)


class HttpMetrics:
    """What a server of ours counts about requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Histogram(
            "moorage_http_request_seconds",
            "How long requests took, until the last byte of the answer was handed to the network.",
            ["listener", "method", "route", "status"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._sent = Counter(
            "moorage_http_sent_bytes", "Bytes of answers' bodies.", ["listener", "route"], registry=registry
        )
        self._series: dict[tuple[str, str, str, int], tuple[Histogram, Counter]] = {}
        self._malformed = Counter(
            "moorage_http_malformed_requests", "Requests that were no valid HTTP.", ["listener"], registry=registry
        )

    def answered(self, listener: str, method: str, route: str, status: int, seconds: float, sent: int) -> None:
        """One request was answered."""
        known = method if method in _METHODS else "other"
        requests, bytes_sent = self._children(listener, known, route, status // 100)
        requests.observe(seconds)
        bytes_sent.inc(sent)

    def _children(self, listener: str, method: str, route: str, hundreds: int) -> tuple[Histogram, Counter]:
        """The series of such a request; their number is bounded by that of our routes. `labels` itself is slow."""
        key = (listener, method, route, hundreds)
        found = self._series.get(key)
        if found is None:
            requests = self._requests.labels(listener, method, route, f"{hundreds}xx")
            found = self._series[key] = requests, self._sent.labels(listener, route)
        return found

    def malformed(self, listener: str) -> None:
        """A request could not be parsed."""
        self._malformed.labels(listener).inc()


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def process_registry() -> CollectorRegistry:
    """A registry with what the process itself is about: memory, CPU, garbage collection, versions."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
