"""Runs one asynchronous piece of a command against the management API, or as the operator at the internal listener.

What speaks HTTP takes long to import: it is loaded where a connection is opened, and help and refusals don't wait.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from moorage.cli.login import Login, OperatorLogin

if TYPE_CHECKING:
    from moorage.cli.internal_api import InternalApi
    from moorage.cli.management_api import ManagementApi

Answer = TypeVar("Answer")


def managing(login: Login, work: "Callable[[ManagementApi], Awaitable[Answer]]", *, wait: bool = False) -> Answer:
    """What `work` returns, with a connection that is open while it runs. Raises a CommandFailed.

    With `wait`, what it changes is enforced by every gateway when this returns, or the user is told of those that lag.
    """
    from moorage.cli import positions
    from moorage.cli.http_client import HttpClient
    from moorage.cli.management_api import ManagementApi

    async def run() -> Answer:
        async with HttpClient(login, positions.of_user(), wait=wait) as client:
            return await work(ManagementApi(client))

    return asyncio.run(run())


def operating(data: Path, work: "Callable[[InternalApi], Awaitable[Answer]]") -> Answer:
    """What `work` returns, asked as the operator whose credential is in the data folder. Raises a CommandFailed."""
    operator = OperatorLogin.of(data)
    from moorage.cli.http_client import HttpClient
    from moorage.cli.internal_api import InternalApi

    async def run() -> Answer:
        async with HttpClient(Login(operator.internal, operator.secret)) as client:
            return await work(InternalApi(client))

    return asyncio.run(run())
