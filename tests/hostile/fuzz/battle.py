"""A run: fires shots, judges the answers, keeps what failed, and looks at the server afterwards."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from hostile.attacker import EMPTY, IMAGE_TYPE, Answer, Attacker, digest, manifest
from hostile.fuzz.answers import fault
from hostile.fuzz.http_grammar import NAME
from hostile.fuzz.sender import Sender
from hostile.fuzz.settings import AT_ONCE, SEED
from hostile.fuzz.shots import Marks, Shot, keep
from hostile.genuine import Genuine, key_of
from servers.registry import StandaloneRegistry

LAYER: Final = b"a layer of what is always there"
MOST_GROWTH: Final = 64 * 2**20
MOST_FAULTS: Final = 20

Judge = Callable[[Shot, Answer], str | None]
"""What is wrong with an answer to this request, beside what is wrong with any."""


class Battle:
    """One registry under fire."""

    def __init__(self, registry: StandaloneRegistry, attacker: Attacker, runner: asyncio.Runner) -> None:
        self.attacker = attacker
        self.answers: Counter[int] = Counter()
        self._registry = registry
        self._runner = runner
        self._faults: list[str] = []
        self._keeps = True
        self._upload = ""
        self._renewing = asyncio.Lock()
        self._sender = Sender(registry.url)
        self._private = [str(registry.data).encode(), *(secret.encode() for secret in attacker.secrets.values())]
        self.marks: Marks = runner.run(self._marks())
        self._began_with = self.resident_bytes

    def begin(self) -> None:
        """Growth counts from now on."""
        self._began_with = self.resident_bytes

    @property
    def resident_bytes(self) -> int:
        """What the server's process holds in memory."""
        pages = Path(f"/proc/{self._registry.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    @property
    def growth(self) -> int:
        """Bytes that the server holds more than at the beginning."""
        return self.resident_bytes - self._began_with

    @property
    def told(self) -> str:
        """The figures of the run in a line."""
        by_status = ", ".join(f"{status}: {count}" for status, count in sorted(self.answers.items()))
        return f"{self.answers.total()} answers ({by_status}), the server grew by {self.growth / 2**20:.1f} MiB"

    def rage(
        self,
        shots: Iterable[Shot],
        judge: Judge = lambda _shot, _answer: None,
        *,
        keeps: bool = True,
        at_once: int = AT_ONCE,
    ) -> None:
        """Fires all of them; fails if an answer to one may not come back, or `judge` says so.

        `keeps` writes what failed to the corpus; not what means something to one registry only.
        """
        self._judge, self._keeps = judge, keeps
        self.marks = self._runner.run(self._marks())  # the bearer token among them lives for minutes only
        self._runner.run(self._rage(iter(shots), at_once))
        faults, self._faults = self._faults, []
        assert not faults, "\n\n".join(faults)

    async def _rage(self, shots: Iterator[Shot], at_once: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(self._take_part(shots))

    async def _take_part(self, shots: Iterator[Shot]) -> None:
        for shot in shots:
            answer = await self._sender.fire(shot.filled(self.marks), half=shot.half)
            self._look_at(shot, answer)
            await self._tidy(answer)
            if len(self._faults) >= MOST_FAULTS:
                break

    def _look_at(self, shot: Shot, answer: Answer) -> None:
        self.answers[answer.status] += 1
        if found := self._fault(shot, answer):
            place = keep(shot) if self._keeps else f"seed {SEED}"
            self._faults.append(f"{found}: {answer}\nto {shot.sent[:2000]!r}\nkept as {place}")

    def _fault(self, shot: Shot, answer: Answer) -> str | None:
        if answer.status == 0:
            return None if shot.half else "no answer"
        return fault(shot.filled(self.marks), answer, self._private) or self._judge(shot, answer)

    async def _tidy(self, answer: Answer) -> None:
        """Nobody may have more than a hundred sessions; one of ours is always open, and what is asked for is there."""
        path, auth = answer.header("Location"), self.attacker.basic("alice")
        if answer.status == 202 and "/blobs/uploads/" in path and path != self._upload:
            await self.attacker.ask("DELETE", path, auth=auth)
        elif answer.status == 202 and not path:  # something was deleted
            await self._restore(auth)
        elif answer.status in (201, 204):
            async with self._renewing:
                await self._renew_session(auth)

    async def _restore(self, auth: str) -> None:
        """What is asked for, as far as nobody deletes it again meanwhile."""
        uploads, headers = f"/v2/{NAME}/blobs/uploads/?digest=", [("Content-Type", IMAGE_TYPE)]
        for blob in (EMPTY, LAYER):
            await self.attacker.ask("POST", uploads + digest(blob), auth=auth, body=blob)
        place = f"/v2/{NAME}/manifests/latest"
        await self.attacker.ask("PUT", place, auth=auth, headers=headers, body=manifest(LAYER))

    async def _renew_session(self, auth: str) -> None:
        if (await self.attacker.ask("GET", self._upload, auth=auth)).status != 204:
            self._upload = await self.attacker.open_upload("alice", NAME)
            self.marks = {**self.marks, b"<<session>>": self._upload.rpartition("/")[2].encode()}

    async def _marks(self) -> Marks:
        attacker = self.attacker
        pushed = await attacker.push("alice", NAME, LAYER)
        self._upload = await attacker.open_upload("alice", NAME)
        bearer = await attacker.bearer("alice", f"repository:{NAME}:pull,push,delete")
        self.genuine = Genuine(bearer.removeprefix("Bearer "), key_of(self._registry))
        return {
            **{f"<<{user}>>".encode(): attacker.basic(user).encode() for user in ("alice", "carol", "mallory")},
            b"<<bearer>>": bearer.encode(),
            b"<<session>>": self._upload.rpartition("/")[2].encode(),
            b"<<blob>>": digest(LAYER).encode(),
            b"<<digest>>": digest(b"abc").encode(),
            b"<<manifest>>": digest(pushed).encode(),
            b"<<image>>": (await attacker.image_id("alice", NAME)).encode(),
        }

    def assert_survived(self) -> None:
        """The process is alive and no larger than before, and pushing and pulling go as always."""
        self._runner.run(self._canary())
        assert self.growth <= MOST_GROWTH, f"the server has grown by {self.growth} bytes"

    async def _canary(self) -> None:
        await self._sender.close()
        made = await self.attacker.push("alice", "acme/hello/canary", b"alive", os.urandom(2**20))
        pulled = await self.attacker.ask(
            "GET", "/v2/acme/hello/canary/manifests/latest", auth=self.attacker.basic("carol")
        )
        assert (pulled.status, pulled.body == made) == (200, True)
