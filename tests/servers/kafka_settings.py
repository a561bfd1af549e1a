"""The settings of the Kafka broker that tests run against: one node, quick rebalances, quick compaction."""

from pathlib import Path
from typing import Final

LOGGING: Final = Path(__file__).parent / "kafka" / "log4j2.properties"

# Kafka's defaults are made for clusters: 50 partitions for offsets, 3 s before a first rebalance, 6 s for the shortest
# session, 15 s between cleaner runs, a cleaner buffer larger than this broker's heap, a minute for which deleted topics
# stay on disk, to be recovered after a crash, and 9 s during which the controller takes a killed broker for alive and
# refuses its successor.
FOR_TESTS: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    "auto.create.topics.enable": "false",
    "num.partitions": "3",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "log.cleaner.backoff.ms": "500",
    "log.cleaner.dedupe.buffer.size": "8388608",
    "log.segment.delete.delay.ms": "1000",
    "log.retention.check.interval.ms": "5000",
}


def render_settings(port: int, controller_port: int, data: Path) -> str:
    """The text of server.properties for a node on these loopback ports over this folder."""
    settings = {
        **FOR_TESTS,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "log.dirs": str(data),
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
