"""What storage tells `/metrics` of its memory."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Numbers:
    """Counted as they happen."""

    def __init__(self) -> None:
        self.answers = Counter(
            "moorage_storage_reads",
            "Reads of manifests and blobs: told from memory, or asked of the database.",
            ["from"],
            registry=None,
        )
        self.hits, self.misses = self.answers.labels("memory"), self.answers.labels("database")
        self.polls = Counter("moorage_storage_hold_polls", "Looks at the holds.", registry=None)
        self.waits = Counter(
            "moorage_storage_hold_waits", "Reads that had to wait for the next look at the holds.", registry=None
        )
        self.bytes = Gauge("moorage_storage_remembered_bytes", "What is remembered, in bytes.", registry=None)

    def add_to(self, registry: CollectorRegistry) -> None:
        """Lets the registry tell these numbers."""
        for metric in (self.answers, self.polls, self.waits, self.bytes):
            registry.register(metric)
