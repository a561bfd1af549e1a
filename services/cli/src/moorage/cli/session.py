"""Runs one asynchronous piece of a command against the management API."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from moorage.cli.http_client import HttpClient
from moorage.cli.login import Login
from moorage.cli.management_api import ManagementApi

Answer = TypeVar("Answer")


def managing(login: Login, work: Callable[[ManagementApi], Awaitable[Answer]]) -> Answer:
    """What `work` returns, with a connection that is open while it runs. Raises a CommandFailed."""

    async def run() -> Answer:
        async with HttpClient(login) as client:
            return await work(ManagementApi(client))

    return asyncio.run(run())
