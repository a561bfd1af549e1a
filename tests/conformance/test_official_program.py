"""The OCI conformance program against the product as it is run: authentication on, two images of one repository."""

import asyncio
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from servers.availability import require
from servers.process import tied_to_us
from servers.registry import StandaloneRegistry
from servers.seaweed import SeaweedStore

IMAGES = ("acme/hello/conformance-one", "acme/hello/conformance-two")
ONLY_SKIPS = 2
"""Anonymous mounts, sha256 and sha512: they would tell of content elsewhere (protocol.md §7, 3)."""
RUNS = [
    pytest.param("filesystem", "1.1", "false"),
    pytest.param("filesystem", "dev", "true"),
    pytest.param("s3", "1.1", "true"),
    pytest.param("s3", "dev", "false"),
]
"""Driver, profile, and whether the program keeps its tokens: how it asks for those is no matter of the other two."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def registry(request: pytest.FixtureRequest) -> Iterator[StandaloneRegistry]:
    """A demo registry per driver for all runs; the program leaves its images as empty as it found them."""
    environment = {}
    if request.param == "s3":
        store: SeaweedStore = request.getfixturevalue("seaweed")
        environment = store.environment()
    yield from _opened(environment=environment)


@pytest.fixture
def workers() -> Iterator[StandaloneRegistry]:
    """One whose requests are answered by three processes, whichever takes the connection."""
    yield from _opened(workers=3)


def _opened(workers: int = 1, environment: Mapping[str, str] | None = None) -> Iterator[StandaloneRegistry]:
    with tempfile.TemporaryDirectory(prefix="moorage-tests-") as folder:
        opened = StandaloneRegistry(Path(folder), workers=workers, environment=environment)
        asyncio.run(_open(opened))
        yield opened
        asyncio.run(opened.stop())


async def _open(registry: StandaloneRegistry) -> None:
    """Starts it and makes the two image records that the program expects."""
    await registry.start()
    for image in IMAGES:
        created = await registry.command("image", "create", image, "--repository", "hello", user="alice")
        assert created.succeeded, created


@pytest.mark.parametrize(("registry", "profile", "cached"), RUNS, indirect=["registry"], scope="module")
async def test_nothing_fails_and_only_anonymous_mounts_are_skipped(
    registry: StandaloneRegistry, profile: str, cached: str, tmp_path: Path
) -> None:
    """Judged by the counts of the report, for the program ends well also where it could not be configured."""
    await _conforms(registry, profile, cached, tmp_path)


async def test_several_workers_conform_like_one(workers: StandaloneRegistry, tmp_path: Path) -> None:
    """The program reads at once what it has written, through whatever connection."""
    await _conforms(workers, "dev", "false", tmp_path)


async def _conforms(registry: StandaloneRegistry, profile: str, cached: str, folder: Path) -> None:
    alice = registry.logins["alice"]
    settings = {
        "OCI_VERSION": profile,
        "OCI_REGISTRY": registry.address,
        "OCI_TLS": "disabled",
        "OCI_REPO1": IMAGES[0],
        "OCI_REPO2": IMAGES[1],
        "OCI_USERNAME": alice.username,
        "OCI_PASSWORD": alice.token,
        "OCI_CACHE_AUTH": cached,
        "OCI_RESULTS_DIR": str(folder),
        "OCI_LOG": "warn",
    }
    process = await asyncio.create_subprocess_exec(
        *tied_to_us([str(require("conformance"))]),
        env={"PATH": os.environ["PATH"], **settings},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    failures = [line for line in output.splitlines() if "failed test" in line]
    assert (process.returncode, failures) == (0, [])
    counts = _counts(output)
    assert (counts["FAIL"], counts["Error"], counts["Skip"]) == (0, 0, ONLY_SKIPS)
    assert counts["Pass"] > 700


def _counts(report: str) -> dict[str, int]:
    """The program's own tally."""
    return {name: int(number) for name, number in re.findall(r"^ +(\w+)\.+: +(\d+)$", report, re.MULTILINE)}
