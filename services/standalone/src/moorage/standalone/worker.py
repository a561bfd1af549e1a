"""A worker: gateway and storage of one registry in a process of their own (`python -m moorage.standalone.worker`).

It wires its own adapters, as `app` does for the whole. What it needs to know comes by a pipe; when that ends, or the
kernel says that the parent has, so does the worker, at once: nothing that it does counts any more (R87).
"""

import asyncio
import os
import signal
import socket
import sys
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import aiohttp
from pydantic import SecretStr

from moorage.gateway.adapters.authority_client import AuthorityClient
from moorage.gateway.app import Gateway, freeze_what_stays, open_gateway
from moorage.gateway.collector import give_way
from moorage.gateway.settings import GatewaySettings
from moorage.runtime import logging
from moorage.runtime.health import Health
from moorage.runtime.lifecycle import Stop, run_until_stopped
from moorage.runtime.metrics import HttpMetrics, process_registry
from moorage.runtime.serving import Drain, Listener, serve
from moorage.standalone.app import told
from moorage.standalone.embedded_postgres.launch import PR_SET_PDEATHSIG, call
from moorage.standalone.errors import StartRefused
from moorage.standalone.event_loop import loop_factory
from moorage.standalone.messages import Enlisted, Failed, Orders, Said, Serving, read_orders, written
from moorage.standalone.storage_of import storage_of
from moorage.storage.app import Storage, open_storage

ORPHANED: Final = 3


def main() -> int:
    """Serves until it is told to stop; the exit status."""
    orders = read_orders(sys.stdin.buffer.readline())
    _tie_to(orders.parent)
    logging.configure(f"standalone worker {orders.number}", level=orders.log_level)

    async def service(stop: Stop) -> None:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _orphaned)
        with told():
            await _serve(orders, stop)

    with asyncio.Runner(loop_factory=loop_factory(use_uvloop=orders.uvloop)) as runner:
        try:
            runner.run(run_until_stopped(service))
        except asyncio.CancelledError:  # told twice to stop
            return 1
        except StartRefused as refusal:
            _say(Failed(str(refusal)))
            return 1
    return 0


async def _serve(orders: Orders, stop: Stop) -> None:
    numbers = process_registry()
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(_storage(orders))
        storage.add_to(numbers)
        settings = GatewaySettings(public_url=orders.public_url, secrets_dir=Path(orders.secrets))
        gateway = await _gateway(orders, settings, storage, stack)
        public = socket.socket(fileno=orders.public)
        health = Health.joined(storage.health, gateway.health)
        listeners = [
            Listener("internal", gateway.internal_app(numbers, health)),
            Listener("public", gateway.public_app(), sock=public, shared=True, header_time=settings.header_time),
        ]
        gateway.follower.on_bootstrap = freeze_what_stays
        give_way()
        drain = Drain(finish=timedelta(seconds=orders.drain_seconds))
        places = await stack.enter_async_context(serve(listeners, health, HttpMetrics(numbers), drain))
        _say(Serving("http://{}:{}".format(*places["internal"])))
        await stop.wait()


def _storage(orders: Orders) -> AbstractAsyncContextManager[Storage]:
    settings = storage_of(SecretStr(orders.database), Path(orders.blobs), orders.connections)
    return open_storage(settings, keeps_house=orders.keeps)


async def _gateway(orders: Orders, settings: GatewaySettings, storage: Storage, stack: AsyncExitStack) -> Gateway:
    session = await stack.enter_async_context(
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False)
    )
    authority = AuthorityClient(session, orders.permissions_url, orders.service_token)
    return await stack.enter_async_context(
        open_gateway(settings, authority, authority, storage.content, announce=lambda id_: _say(Enlisted(id_)))
    )


def _tie_to(parent: int) -> None:
    if sys.platform == "linux":
        call("prctl", PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(ORPHANED)


def _orphaned() -> None:
    os._exit(ORPHANED)


def _say(said: Said) -> None:
    with suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), written(said))


if __name__ == "__main__":
    sys.exit(main())
