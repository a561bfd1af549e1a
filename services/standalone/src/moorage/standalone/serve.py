"""Runs a standalone registry, from its first check to its last drained request."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack, closing
from datetime import timedelta

from moorage.runtime.lifecycle import Stop, run_until_stopped
from moorage.runtime.serving import Drain, Listener, serve
from moorage.standalone.app import open_registry
from moorage.standalone.data_folder import DataFolder
from moorage.standalone.errors import DemoNotLocal
from moorage.standalone.event_loop import loop_factory
from moorage.standalone.place import Place
from moorage.standalone.settings import StandaloneSettings
from moorage.standalone.sockets import bound, is_loopback, url

Tell = Callable[[str], None]


def run(settings: StandaloneSettings, tell: Tell, program: str) -> int:
    """Serves until SIGINT or SIGTERM; the exit status. `tell` gets what people read. Raises StartRefused."""

    async def service(stop: Stop) -> None:
        await serve_registry(settings, stop, tell, program)

    with asyncio.Runner(loop_factory=loop_factory(use_uvloop=settings.use_uvloop)) as runner:
        try:
            runner.run(run_until_stopped(service))
        except asyncio.CancelledError:  # told twice to stop
            return 1
    return 0


async def serve_registry(settings: StandaloneSettings, stop: Stop, tell: Tell, program: str) -> None:
    """The same on a running loop; returns when everything is drained and closed."""
    if settings.demo and not settings.allow_remote_demo and not is_loopback(settings.host):
        raise DemoNotLocal(settings.host)
    folder = DataFolder(settings.data.absolute())
    folder.prepare()
    with ExitStack() as held:
        lock = held.enter_context(folder.held())
        public = held.enter_context(closing(bound(settings.host, settings.port)))
        internal = held.enter_context(closing(bound("127.0.0.1", 0)))
        credentials = (settings.credentials or folder.credentials).absolute()
        place = Place(folder, credentials, lock, public, internal, settings.public_url or url(public))
        await _serve(settings, place, stop, tell, program)


async def _serve(settings: StandaloneSettings, place: Place, stop: Stop, tell: Tell, program: str) -> None:
    drain = Drain(finish=timedelta(seconds=settings.drain_seconds))
    guidance = place.guidance(program)
    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(open_registry(settings, place))
        stack.enter_context(place.folder.announced(place.announcement()))
        # The public listener comes last: who is answered there may use the other one too.
        listeners = [Listener("internal", registry.internal, sock=place.internal)]
        if registry.public is not None:
            listeners.append(registry.public)
        await stack.enter_async_context(serve(listeners, registry.health, registry.metrics, drain))
        workers = await stack.enter_async_context(registry.workers)
        await workers.until(workers.all_serve(), stop.wait())
        tell(guidance.demo(minted=registry.minted) if settings.demo else guidance.empty())
        await workers.until(stop.wait())
        registry.health.drain()
        if registry.public is None:
            place.public.close()  # each worker closes its own copy: the last one ends the listening
        tell("Stopping: requests in flight are finished. Ctrl-C again to drop them.")
