"""Asks the brokers what a topic is now: how many partitions it has, and which id they gave it when it was made.

The client library asks for an older version of topics' metadata, which has no ids; ours is Kafka's version 12 of it.
Brokers that know only older ones are asked for the number of partitions alone.
"""

from io import BytesIO
from typing import Any, ClassVar, Final
from uuid import UUID

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import IncompatibleBrokerVersion, UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

from moorage.permissions.topic_guard import FoundTopic

_METADATA: Final = 3
_WITH_IDS: Final = 12


class _TopicId(AbstractType[bytes]):
    """Sixteen bytes as they are."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


class _MetadataResponse(Response):
    API_KEY = _METADATA
    API_VERSION = _WITH_IDS
    SCHEMA: ClassVar[Schema] = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString("utf-8")),
                ("topic_id", _TopicId),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _MetadataStruct(RequestStruct):
    API_KEY = _METADATA
    API_VERSION = _WITH_IDS
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA: ClassVar[Schema] = Schema(
        ("topics", CompactArray(("topic_id", _TopicId), ("name", CompactString("utf-8")), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _DescribeTopic(Request[_MetadataStruct]):
    API_KEY = _METADATA

    def __init__(self, name: str) -> None:
        self._name = name

    def build(self, request_struct_class: type[_MetadataStruct]) -> _MetadataStruct:
        return request_struct_class([(bytes(16), self._name, {})], False, False, {})


async def describe(client: AIOKafkaClient, name: str) -> FoundTopic:
    """The topic as it is now. Raises KafkaError, among them UnknownTopicOrPartitionError."""
    node = client.get_random_node()
    try:
        answer = await client.send(node, _DescribeTopic(name))
    except (IncompatibleBrokerVersion, NotImplementedError):
        return _without_id(name, await client.send(node, MetadataRequest([name], allow_auto_topic_creation=False)))
    (topic,) = answer.topics
    _require(topic[0], name)
    return FoundTopic(name, len(topic[4]), str(UUID(bytes=topic[2])))


def _without_id(name: str, answer: Any) -> FoundTopic:
    (topic,) = answer.topics
    _require(topic[0], name)
    return FoundTopic(name, len(topic[-1]), "")


def _require(code: int, name: str) -> None:
    if code == UnknownTopicOrPartitionError.errno:
        raise UnknownTopicOrPartitionError(f"there is no topic {name}")
    if code:
        raise for_code(code)(name)
