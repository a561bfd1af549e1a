"""`python -m bench` says what it does not understand, and makes pages of records."""

from pathlib import Path

import pytest
from bench.command import main

RECORDED = Path(__file__).with_name("recorded.json")
Capture = pytest.CaptureFixture[str]


def _exit_code(*arguments: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "ping,pong"], "there is no workload pong"),
        (["--rounds", "0"], "'0' is no number of rounds"),
        (["--rounds", "many"], "'many' is no number of rounds"),
    ],
)
def test_a_wrong_command_line_measures_nothing(arguments: list[str], said: str, capsys: Capture) -> None:
    """Exit code 2, in words."""
    assert _exit_code(*arguments) == 2
    assert said in capsys.readouterr().err


def test_no_peer_is_a_clear_message() -> None:
    """Before anything is started; Python prints it and exits with 1."""
    said = _exit_code("--only", "ping", "--peer-program", "/nowhere/registry")
    assert said == "there is no program /nowhere/registry; or leave it out with --product-only"


def test_a_record_becomes_a_page_with_a_chart(tmp_path: Path) -> None:
    """Nothing is measured; exit code 1 says that one of its workloads failed."""
    assert _exit_code("--record", str(RECORDED), "--report", str(tmp_path / "page.md")) == 1
    assert "(page.svg)" in (tmp_path / "page.md").read_text(encoding="utf-8")
    assert (tmp_path / "page.svg").read_text(encoding="utf-8").startswith("<svg")


def test_a_record_of_a_part_is_shown_as_tables(capsys: Capture) -> None:
    """The page of the documentation is for whole runs."""
    assert _exit_code("--record", str(RECORDED)) == 1
    assert "| push image, 8 connections | ms CPU |" in capsys.readouterr().out
