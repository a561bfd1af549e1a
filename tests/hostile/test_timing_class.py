"""What takes longer tells something too: hidden and absent cost the server the same (R53, R66).

Compared is the CPU time of the server's own thread, request by request and in turns: that does not depend on who else
is busy on this machine. A wait would not show in it, so the time on the clock has a bound too, wide enough for any
machine.
"""

import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import pytest
import pytest_asyncio

from hostile.attacker import EMPTY, Answer, Attacker, basic, digest
from moorage.access.secrets import SecretKind, mint_secret
from servers.registry import StandaloneRegistry

HIDDEN: Final = "acme/hello/shrouded"
ABSENT: Final = "acme/hello/nowhere0"
ZERO: Final = f"sha256:{'0' * 64}"
SESSION: Final = "6f1a3f43-5a2c-4f9b-8c1d-0d8f3a0c9f11"
ROUNDS: Final = 25
MOST_CPU_SECONDS: Final = 0.005
MOST_SECONDS: Final = 0.1

Ask = Callable[[], Awaitable[Answer]]


class Cost(NamedTuple):
    """Of one request: CPU time of the server's thread, and time on the clock, in seconds."""

    cpu: float
    clock: float


@pytest_asyncio.fixture(autouse=True)
async def _content(attacker: Attacker) -> None:
    await attacker.push("alice", HIDDEN)
    await attacker.push("alice", "acme/hello/landing")


async def assert_alike(registry: StandaloneRegistry, one: Ask, other: Ask, status: int) -> None:
    """Both answer with the status, and neither costs more than the other."""
    costs = [(await cost_of(registry, one, status), await cost_of(registry, other, status)) for _ in range(ROUNDS)]
    assert abs(median(a.cpu - b.cpu for a, b in costs)) < MOST_CPU_SECONDS
    assert abs(median(a.clock - b.clock for a, b in costs)) < MOST_SECONDS


async def cost_of(registry: StandaloneRegistry, ask: Ask, status: int) -> Cost:
    """What one request costs."""
    cpu, clock = cpu_seconds(registry.pid), time.perf_counter()
    answer = await ask()
    assert answer.status == status, answer
    return Cost(cpu_seconds(registry.pid) - cpu, time.perf_counter() - clock)


def cpu_seconds(process: int) -> float:
    """What the main thread of the process has used."""
    return int(Path(f"/proc/{process}/task/{process}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "tags/list", 404),
        ("GET", "manifests/latest", 404),
        ("HEAD", f"blobs/{digest(EMPTY)}", 404),
        ("GET", f"referrers/{ZERO}", 404),
        ("POST", "blobs/uploads/", 403),
        ("GET", f"blobs/uploads/{SESSION}", 403),
        ("DELETE", "manifests/latest", 404),
    ],
)
async def test_a_hidden_image_and_none_cost_the_same(
    registry: StandaloneRegistry, attacker: Attacker, method: str, path: str, status: int
) -> None:
    """To a member of the workspace without a right on it."""
    auth = attacker.basic("dave")

    def asking(name: str) -> Ask:
        return lambda: attacker.ask(method, f"/v2/{name}/{path}", auth=auth)

    await assert_alike(registry, asking(HIDDEN), asking(ABSENT), status)


async def test_mounting_from_a_hidden_image_and_from_none_cost_the_same(
    registry: StandaloneRegistry, attacker: Attacker
) -> None:
    """An ordinary upload for both; the sessions are ended again."""
    hidden_from_bob, none = "acme/ledger/shrouded", "acme/ledger/nowhere0"
    scopes = [f"repository:{name}:pull" for name in (hidden_from_bob, none)]
    auth = await attacker.bearer("bob", "repository:acme/hello/landing:pull,push", *scopes)

    def mounting(source: str) -> Ask:
        async def mount() -> Answer:
            path = f"/v2/acme/hello/landing/blobs/uploads/?mount={digest(EMPTY)}&from={source}"
            answer = await attacker.ask("POST", path, auth=auth)
            await attacker.ask("DELETE", answer.header("Location"), auth=auth)
            return answer

        return mount

    await assert_alike(registry, mounting(hidden_from_bob), mounting(none), 202)


async def test_a_token_for_a_hidden_image_and_for_none_cost_the_same(
    registry: StandaloneRegistry, attacker: Attacker
) -> None:
    """No image is looked at (R50)."""
    auth = attacker.basic("dave")

    def asking(name: str) -> Ask:
        return lambda: attacker.ask("GET", f"/token?scope=repository:{name}:pull,push", auth=auth)

    await assert_alike(registry, asking(HIDDEN), asking(ABSENT), 200)


async def test_a_revoked_secret_and_one_that_never_was_cost_the_same(
    registry: StandaloneRegistry, attacker: Attacker
) -> None:
    """Each under a user name of its own, so that no limit on failed logins hides it (R53)."""
    alice, guess = attacker.basic("alice"), count()
    made = await attacker.manage("POST", "/api/v1/tokens", {"name": "brief"}, auth=alice)
    revoked = await attacker.manage("DELETE", f"/api/v1/tokens/{made.json['token']['id']}", auth=alice)
    assert (made.status, revoked.status) == (201, 204)

    def showing(secret: str) -> Ask:
        return lambda: attacker.ask("GET", "/token", auth=basic(f"guess{next(guess)}", secret))

    never = mint_secret(SecretKind.PERSONAL)
    await assert_alike(registry, showing(made.json["secret"]), showing(never), 401)
