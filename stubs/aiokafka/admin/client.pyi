from collections.abc import Sequence
from ssl import SSLContext
from typing import Literal, Protocol, TypedDict

from aiokafka.admin.config_resource import ConfigResource
from aiokafka.admin.new_partitions import NewPartitions
from aiokafka.admin.new_topic import NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import TopicPartition

class CreateTopicsResponse(Protocol):
    @property
    def topic_errors(self) -> Sequence[tuple[str, int, str | None]]:
        """Topic, error code, message."""

class DeleteTopicsResponse(Protocol):
    @property
    def topic_error_codes(self) -> Sequence[tuple[str, int]]:
        """Topic, error code."""

class DescribeConfigsResponse(Protocol):
    @property
    def resources(self) -> Sequence[tuple[int, str | None, int, str, Sequence[Sequence[object]]]]:
        """Error code and message, resource type and name, entries that begin with a setting's name and value."""

class PartitionDescription(TypedDict):
    error_code: int
    partition: int
    leader: int
    replicas: list[int]
    isr: list[int]

class TopicDescription(TypedDict):
    error_code: int
    topic: str
    is_internal: bool
    partitions: list[PartitionDescription]

class BrokerDescription(TypedDict):
    node_id: int
    host: str
    port: int
    rack: str | None

class ClusterDescription(TypedDict):
    brokers: list[BrokerDescription]
    cluster_id: str | None
    controller_id: int

class AIOKafkaAdminClient:
    def __init__(
        self,
        *,
        bootstrap_servers: str | list[str] = ...,
        client_id: str = ...,
        request_timeout_ms: int = 40000,
        connections_max_idle_ms: int = 540000,
        retry_backoff_ms: int = 100,
        metadata_max_age_ms: int = 300000,
        security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT",
        ssl_context: SSLContext | None = None,
        sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN",
        sasl_plain_username: str | None = None,
        sasl_plain_password: str | None = None,
    ) -> None: ...
    async def start(self) -> None: ...
    async def close(self) -> None: ...
    async def create_topics(
        self, new_topics: list[NewTopic], timeout_ms: int | None = None, validate_only: bool = False
    ) -> CreateTopicsResponse: ...
    async def delete_topics(self, topics: list[str], timeout_ms: int | None = None) -> DeleteTopicsResponse: ...
    async def create_partitions(
        self,
        topic_partitions: dict[str, NewPartitions],
        timeout_ms: int | None = None,
        validate_only: bool = False,
    ) -> object: ...
    async def delete_records(
        self, records_to_delete: dict[TopicPartition, RecordsToDelete], timeout_ms: int | None = None
    ) -> dict[TopicPartition, int]: ...
    async def list_topics(self) -> list[str]: ...
    async def describe_topics(self, topics: list[str] | None = None) -> list[TopicDescription]: ...
    async def describe_cluster(self) -> ClusterDescription: ...
    async def describe_configs(
        self, config_resources: list[ConfigResource], include_synonyms: bool = False
    ) -> list[DescribeConfigsResponse]: ...
