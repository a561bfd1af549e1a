"""Which event loop a registry runs on."""

import asyncio
import importlib
import importlib.util
from collections.abc import Callable


def loop_factory(*, use_uvloop: bool) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, if it is wanted and installed; None is asyncio's own."""
    if not use_uvloop or importlib.util.find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module("uvloop").new_event_loop
    return factory
