from aiokafka.protocol.api import Request, RequestStruct

class FetchRequest(Request[RequestStruct]):
    def __init__(
        self,
        max_wait_time: int,
        min_bytes: int,
        max_bytes: int,
        isolation_level: int,
        topics: list[tuple[str, list[tuple[int, int, int]]]],
        rack_id: str = ...,
    ) -> None: ...
