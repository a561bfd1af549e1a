"""The operator's doors at the internal listener: facts in, sources declared and listed, names looked up."""

from typing import Any, Final

from moorage.access.wire import IngestAnswer
from moorage.cli.facts_file import Line, shortened
from moorage.cli.failure import CommandFailed
from moorage.cli.http_client import HttpClient, ProblemAnswered

FACTS: Final = "/internal/v1/facts"
SOURCES: Final = "/internal/v1/sources"
IDS: Final = "/internal/v1/ids"
NDJSON: Final = "application/x-ndjson"


class InternalApi:
    """Asks over an open client. Every method raises what HttpClient.ask raises."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    async def apply(self, batch: list[Line]) -> IngestAnswer:
        """Sends one batch, which is applied as a whole. Raises LinesRefused, naming lines of the file."""
        body = b"".join(line.encoded() for line in batch)
        try:
            reply = await self._client.exchange("POST", FACTS, data=body, headers={"Content-Type": NDJSON})
        except ProblemAnswered as refusal:
            refused = refusal.problem.members.get("refused")
            if isinstance(refused, list) and refused:
                raise LinesRefused(batch, refused) from None
            raise
        return IngestAnswer.model_validate(reply.content)

    async def declare(self, source: dict[str, Any]) -> dict[str, Any]:
        """Declares a source; the answer may hold its credential, shown once."""
        return dict(await self._client.ask("POST", SOURCES, body=source))

    async def sources(self) -> list[dict[str, Any]]:
        """Every declared source."""
        return list((await self._client.ask("GET", SOURCES))["sources"])

    async def ids(self, **names: str) -> dict[str, str]:
        """The ids behind names of a `workspace`, a `repository` in it, and a `user`."""
        return dict(await self._client.ask("GET", IDS, query=names))


class LinesRefused(CommandFailed):
    """The registry refused lines of a batch, and with them the batch."""

    def __init__(self, batch: list[Line], refused: list[dict[str, Any]]) -> None:
        self.lines = [_told(batch, entry) for entry in refused]
        super().__init__(
            f"The batch of lines {batch[0].number} to {batch[-1].number} was refused: {shortened(self.lines)}.",
            "Correct these lines and apply the file again: what was applied before is not applied twice.",
        )


def _told(batch: list[Line], entry: dict[str, Any]) -> str:
    place, reason = entry.get("line"), entry.get("detail") or entry.get("reason")
    number = batch[place - 1].number if isinstance(place, int) and 0 < place <= len(batch) else place
    return f"line {number}: {reason}"
