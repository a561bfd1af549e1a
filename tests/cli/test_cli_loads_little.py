"""A command line loads what its command needs: people and scripts wait for every import."""

import json
import subprocess
import sys

import pytest
from typer.main import get_group

from moorage.cli.commands import WORDS, build
from moorage.cli.words import Word

CONNECTING = ("aiohttp", "moorage.access.wire")
SERVING = ("asyncpg", "aiokafka", "pydantic_settings", "structlog")
SERVICES = ("moorage.permissions", "moorage.storage", "moorage.gateway", "moorage.standalone")
OTHERS_WORDS = ("moorage.access.explain_wire", "moorage.events", "moorage.cli.facts_file")
PROGRAM = """
import json, sys
from moorage.cli.__main__ import run
run(sys.argv[1:])
print(json.dumps(list(sys.modules)))
"""


def _loaded(*arguments: str) -> set[str]:
    """The modules in a process that has run the command line."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "typed", ["--help", "version", "image show --help", "check acme/tool:1 push", "token revoke 1"]
)
def test_help_and_refusals_open_nothing(typed: str) -> None:
    """Neither what speaks HTTP nor a service is loaded for what is answered here."""
    assert _loaded(*typed.split()).isdisjoint((*CONNECTING, *SERVING, *SERVICES, *OTHERS_WORDS))


@pytest.mark.parametrize("typed", ["image show acme/tool", "check acme/tool push", "tag list acme/tool"])
def test_what_asks_a_registry_loads_no_service_and_no_other_command(typed: str) -> None:
    """It speaks HTTP, and knows the words of what it asks."""
    loaded = _loaded(*typed.split(), "--server", "http://127.0.0.1:9")
    assert loaded.issuperset(CONNECTING)
    assert loaded.isdisjoint((*SERVING, *SERVICES, *OTHERS_WORDS))


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.name)
def test_every_word_is_told_by_the_first_line_of_its_own_help(word: Word) -> None:
    """The line that stands for a word before it is loaded is the one that it has itself."""
    assert str(word.load().help).partition("\n")[0] == word.help


def test_the_words_are_listed_without_being_loaded() -> None:
    """Help and completion know them from the beginning."""
    assert list(get_group(build()).commands) == [word.name for word in WORDS]
