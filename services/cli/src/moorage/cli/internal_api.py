"""The operator's doors at the internal listener: facts in, sources declared and listed, names looked up."""

from typing import Any, Final

from moorage.access.wire import IngestAnswer
from moorage.cli.facts_file import Line, shortened
from moorage.cli.failure import CommandFailed
from moorage.cli.http_client import HttpClient, ProblemAnswered

FACTS: Final = "/internal/v1/facts"
SOURCES: Final = "/internal/v1/sources"
IDS: Final = "/internal/v1/ids"
EPOCH: Final = "/internal/v1/epoch"
TOPICS: Final = "/internal/v1/topics"
SWEEPS: Final = "/internal/v1/sweeps"
DEAD_LETTERS: Final = "/internal/v1/dead_letters"
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

    async def bump_epoch(self, reason: str, *, facts_are_current: bool) -> dict[str, Any]:
        """Begins a new epoch."""
        return dict(
            await self._client.ask("POST", EPOCH, body={"reason": reason, "facts_are_current": facts_are_current})
        )

    async def confirm_epoch(self) -> dict[str, Any]:
        """What was told by hand and over HTTP is current."""
        return dict(await self._client.ask("POST", f"{EPOCH}/confirm", body={}))

    async def accept_topic(self, topic: str, reason: str, *, facts_are_current: bool) -> dict[str, Any]:
        """A topic that was made anew is followed from its beginning."""
        body = {"topic": topic, "reason": reason, "facts_are_current": facts_are_current}
        return dict(await self._client.ask("POST", f"{TOPICS}/accept", body=body))

    async def sweeps(self) -> list[dict[str, Any]]:
        """Every snapshot of a source under way."""
        return list((await self._client.ask("GET", SWEEPS))["sweeps"])

    async def decide_sweep(self, id: int, decision: str, reason: str) -> dict[str, Any]:
        """Lets a held sweep go on, or ends it."""
        body = {"decision": decision, "reason": reason}
        return dict(await self._client.ask("POST", f"{SWEEPS}/{id}", body=body))

    async def dead_letters(self, *, holding_only: bool) -> list[dict[str, Any]]:
        """Records that could not be applied, oldest first."""
        found: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            query = {"after": str(after), "holding": str(holding_only).lower()}
            page = await self._client.ask("GET", DEAD_LETTERS, query=query)
            found += page["letters"]
            after = page["after"]
        return found

    async def dead_letter(self, id: int) -> dict[str, Any]:
        """One of them, with its record."""
        return dict(await self._client.ask("GET", f"{DEAD_LETTERS}/{id}"))

    async def release_letter(self, id: int, reason: str) -> dict[str, Any]:
        """Nothing is held for it any longer."""
        return dict(await self._client.ask("POST", f"{DEAD_LETTERS}/{id}/release", body={"reason": reason}))


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
