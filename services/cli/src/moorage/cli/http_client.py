"""Speaks HTTP to a registry and turns every way of failing into a CommandFailed."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from moorage.access import problems
from moorage.cli.exit_code import ExitCode
from moorage.cli.failure import CommandFailed, Unreachable
from moorage.cli.login import Login
from moorage.cli.output import print_note
from moorage.cli.positions import Positions

TIMEOUT: Final = aiohttp.ClientTimeout(total=60, sock_connect=5)
REMEDIES: Final[Mapping[type[problems.Problem], str]] = {
    problems.InputInvalid: "Correct the input; `--help` shows examples.",
    problems.CredentialUnknown: "Use a token that is valid here; `moorage token create` makes one.",
    problems.Forbidden: "`moorage explain IMAGE ACTION` shows what is missing.",
    problems.NotFound: "Check the spelling, and whether this user may know of it.",
    problems.AlreadyExists: "Choose another name; `moorage image list` shows those you may see.",
    problems.BatchInFlight: "Wait until the other batch is applied, then send this one again.",
    problems.PositionGone: "Ask about a later position or time; `moorage explain` without --at tells the newest one.",
    problems.BodyTooLarge: "Send less at once.",
    problems.FactsRefused: "Correct the lines named above; nothing of the batch was applied.",
    problems.ServiceUnavailable: "Try again in a moment.",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered: status, headers in any case, and the parsed body (None if there was none)."""

    status: int
    headers: Mapping[str, str]
    content: Any


class ProblemAnswered(CommandFailed):
    """The server refused with a problem document; `problem` is what it said."""

    def __init__(self, problem: problems.Problem) -> None:
        super().__init__(_sentence(problem), REMEDIES.get(type(problem)) or _remedy(problem.status))
        self.problem = problem
        self.code = ExitCode.UNREACHABLE if problem.status == 503 else ExitCode.FAILED


class HttpClient:
    """One connection to one server with one credential; used as a context manager."""

    def __init__(self, login: Login, positions: Positions | None = None, *, wait: bool = False) -> None:
        """With `positions`, requests insist on what was told before; with `wait`, changes wait for every gateway."""
        self._login = login
        self._positions = positions
        self._wait = wait
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self._login.secret}"} if self._login.secret else {}
        self._session = aiohttp.ClientSession(headers=headers, timeout=TIMEOUT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def ask(self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None) -> Any:
        """The parsed answer. Raises ProblemAnswered, Unreachable, CommandFailed."""
        if self._wait and method not in ("GET", "HEAD"):
            query = {**(query or {}), "wait": "all"}
        content = (await self.exchange(method, path, params=query, json=body)).content
        if isinstance(content, dict) and isinstance(content.get("progress"), dict):
            waiting = content["progress"].get("waiting", [])
            print_note(f"It is done; {len(waiting)} gateways don't enforce it yet: {' '.join(map(str, waiting))}")
            return content.get("result")
        return content

    async def exchange(self, method: str, path: str, **options: Any) -> Reply:
        """The whole answer, if it is one of success. Raises what `ask` raises."""
        reply = await self.raw(method, path, **options)
        if reply.status >= 400:
            raise self._refusal(reply)
        if reply.content is None and reply.status != 204:
            raise self._stranger(reply)
        return reply

    @property
    def as_password(self) -> dict[str, str]:
        """The header by which the distribution API knows who asks: it takes our own tokens for passwords only (R60)."""
        secret = self._login.secret
        return {"Authorization": aiohttp.encode_basic_auth("token", secret)} if secret else {}

    async def raw(self, method: str, path: str, **options: Any) -> Reply:
        """Whatever is answered, with a body that is parsed if it is JSON. Raises Unreachable."""
        assert self._session is not None
        if self._positions is not None:
            options["headers"] = self._positions.headers(self._login.server) | dict(options.get("headers") or {})
        try:
            async with self._session.request(
                method, f"{self._login.server}{path}", allow_redirects=False, **options
            ) as response:
                if self._positions is not None:
                    self._positions.note(self._login.server, response.headers)
                return Reply(response.status, response.headers.copy(), _parsed(await response.read()))
        except TimeoutError:
            raise Unreachable(f"{self._login.server} does not answer in time.", "Try again in a moment.") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(
                f"{self._login.server} cannot be reached: {_reason(error)}.",
                "Start the registry with `make run`, or name another one with --server.",
            ) from None

    def _refusal(self, reply: Reply) -> CommandFailed:
        if isinstance(reply.content, dict) and isinstance(reply.content.get("type"), str):
            with suppress(ValueError, TypeError):  # some other server's document, whose members mean other things
                return ProblemAnswered(problems.parse(reply.content))
        return self._stranger(reply)

    def _stranger(self, reply: Reply) -> CommandFailed:
        return CommandFailed(
            f"{self._login.server} answered {reply.status} in a way Moorage does not.",
            "Check with --server that this is the address of a Moorage registry of this version.",
        )


def _sentence(problem: problems.Problem) -> str:
    """The detail and, for invalid input, where it is invalid."""
    errors = problem.members.get("errors")
    places = [entry for entry in errors if isinstance(entry, dict)] if isinstance(errors, list) else []
    told = "; ".join(f"{entry.get('at')}: {entry.get('message')}" for entry in places)
    text = problem.detail or problem.title
    text = f"{text} ({told})" if told else text
    first = text.split(" ", 1)[0]
    return f"{text[:1].upper() if first.isalpha() else text[:1]}{text[1:].rstrip('.')}."


def _remedy(status: int) -> str:
    return "Wait a minute, then try again." if status == 429 else "The registry's log says more."


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _reason(error: Exception) -> str:
    inner = getattr(error, "os_error", error)
    number = getattr(inner, "errno", None)
    return os.strerror(number).lower() if number else str(error) or type(error).__name__
