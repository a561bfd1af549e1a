"""Fixtures of the `moorage` command's tests."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.registry import StandaloneRegistry


@pytest.fixture(scope="module")
def registry() -> Iterator[StandaloneRegistry]:
    """One demo for all tests of this module; each names images and users of its own."""
    with tempfile.TemporaryDirectory(prefix="moorage-tests-") as folder:
        opened = StandaloneRegistry(Path(folder))
        asyncio.run(opened.start())
        try:
            yield opened
        finally:
            asyncio.run(opened.stop())
