from aiokafka.protocol.api import Request, RequestStruct

class MetadataRequest(Request[RequestStruct]):
    def __init__(self, topics: list[str] | None = ..., allow_auto_topic_creation: bool | None = ...) -> None: ...
