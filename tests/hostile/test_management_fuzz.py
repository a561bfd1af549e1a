"""The management API, fuzzed by its own OpenAPI document as an owner, as a reader and as nobody.

Whatever comes: no 5xx, no status, header, type or body that the document does not tell of, nothing accepted that its
schemas refuse, and 405 for every other method. schemathesis.toml says how; a failure shows the request that found it.
"""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from hostile.attacker import Attacker, basic
from hostile.laboratory import OWNER, READER, Laboratory, open_laboratory
from moorage.gateway.http.management.operation import ROOT, Operation
from moorage.gateway.http.management.serving import operations
from servers.process import tied_to_us
from servers.registry import StandaloneRegistry

CONFIGURATION: Final = Path(__file__).with_name("schemathesis.toml")
FUZZ_SECONDS: Final = 500.0
WRONG: Final = "mrg_pat_000000000000000000000000000000000000"


@pytest.fixture(scope="module")
def laboratory(attacker: Attacker) -> Laboratory:
    """The workspace that may be broken."""
    return asyncio.run(open_laboratory(attacker, doomed=8))


@pytest.fixture
def folder(laboratory: Laboratory, tmp_path: Path) -> Path:
    """Where the fuzz finds its configuration and the ids of what there is."""
    (tmp_path / CONFIGURATION.name).write_bytes(CONFIGURATION.read_bytes())
    for name, values in (
        ("images", laboratory.images),
        ("doomed-images", laboratory.doomed_images),
        ("doomed-tokens", laboratory.doomed_tokens),
        ("decisions", laboratory.decisions),
        ("positions", [laboratory.position]),
    ):
        (tmp_path / f"{name}.dict").write_text("".join(f'"{value}"\n' for value in values), encoding="utf-8")
    return tmp_path


@pytest.mark.timeout(FUZZ_SECONDS)  # some ten seconds each where nothing else runs
@pytest.mark.parametrize(
    ("user", "phases", "examples"),
    [(OWNER, "examples,coverage,fuzzing", 4), (READER, "fuzzing", 5), (None, "fuzzing", 5)],
    ids=["as an owner", "as a reader", "as nobody"],
)
def test_the_document_tells_all(
    registry: StandaloneRegistry, laboratory: Laboratory, folder: Path, user: str | None, phases: str, examples: int
) -> None:
    """And the owner is not only refused: most operations are reached in earnest."""
    login = laboratory.basic(user) if user else ""
    options = ["--phases", phases, "-n", str(examples), "--report-har-path", "sent.har", "--no-color"]
    done = fuzzed(folder, [f"{registry.url}{ROOT}/openapi.json", *options], login)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    assert f"Tested: {len(operations())}" in done.stdout
    if user == OWNER:
        # Two restore what nobody has deleted here, and a few more depend on chance.
        assert len(reached(folder / "sent.har")) >= len(operations()) - 7


def fuzzed(folder: Path, arguments: list[str], login: str) -> subprocess.CompletedProcess[str]:
    """A run of schemathesis; its output tells the seed and how to repeat a request."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", CONFIGURATION.name, "run", *arguments]
    environment = {"FUZZ_AUTHORIZATION": login, "HOME": str(folder), "PATH": ""}
    return subprocess.run(
        tied_to_us(command),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=FUZZ_SECONDS,
        check=False,
    )


def reached(har: Path) -> set[str]:
    """The operations that answered 2xx at least once."""
    entries = json.loads(har.read_bytes())["log"]["entries"]
    done = {
        (entry["request"]["method"], entry["request"]["url"].partition(ROOT)[2].partition("?")[0])
        for entry in entries
        if entry["response"]["status"] < 300
    }
    return {each.id for each in operations() if any(_is_of(each, *request) for request in done)}


def _is_of(declared: Operation, method: str, path: str) -> bool:
    pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(declared.path))
    return declared.method == method and re.fullmatch(pattern, path) is not None


async def test_who_is_not_known_is_refused_everywhere(attacker: Attacker) -> None:
    """401 with a challenge at each operation: to a wrong secret always, to nobody where nobody has a right."""
    for number, declared in enumerate(operations()):
        path = ROOT + re.sub(r"{\w+}", "00000000-0000-4000-8000-000000000000", declared.path)
        shown = [basic(f"stranger-{number}", WRONG), *([] if declared.anonymous else [None])]
        for auth in shown:
            answer = await attacker.manage(declared.method, path, {}, auth=auth)
            assert (answer.status, answer.header("WWW-Authenticate") != "") == (401, True), declared.id


async def test_every_list_links_to_its_next_page(attacker: Attacker, laboratory: Laboratory) -> None:
    """With what was asked, and without what means nothing; it works as it is (protocol.md §8)."""
    ivy, path = laboratory.basic(OWNER), f"{ROOT}/images/{laboratory.images[3]}/access"
    first = await attacker.manage("GET", f"{path}?limit=1&role=read&odd=1", auth=ivy)
    link = first.header("Link")
    assert re.fullmatch(rf'<{path}\?limit=1&role=read&cursor=\S+>; rel="next"', link), first
    second = await attacker.manage("GET", link[1:].partition(">")[0], auth=ivy)
    assert second.status == 200
    assert second.json["holders"] != first.json["holders"]
