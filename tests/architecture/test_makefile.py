"""The two commands of the README, as far as they can be tried without installing anything."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def make() -> str:
    """The program."""
    found = shutil.which("make")
    if found is None:
        pytest.skip("make is not installed")
    return found


def test_a_python_that_is_too_old_is_told_in_words(make: str, tmp_path: Path) -> None:
    """With what to type instead."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "deploy" / "requirements", tmp_path / "deploy" / "requirements")
    done = subprocess.run([make, "run", "PYTHON=false"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "Moorage needs Python 3.11 or newer, and false is older or missing." in done.stderr
    assert "make run PYTHON=" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_run_starts_a_demo_on_loopback_with_what_was_asked(make: str) -> None:
    """PORT and DATA override; paths with a space stay one word."""
    command = [make, "--no-print-directory", "--dry-run", "run", "PORT=5123", "DATA=my data"]
    planned = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    assert re.search(
        r"moorage serve --demo --data 'my data' --host 127\.0\.0\.1 --port '5123' \\\s+"
        r"--credentials-file 'my data/credentials\.json'",
        planned,
    )


def test_installing_needs_hashes_and_fetches_nothing_else(make: str, tmp_path: Path) -> None:
    """The build of the project itself uses what is installed."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "deploy/requirements/runtime.txt", "deploy/requirements/dev.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for target in ("run", "test"):
        command = [make, "--dry-run", target]
        planned = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True).stdout
        installs = [line for line in planned.splitlines() if "pip install" in line]
        assert len(installs) == 2
        assert all("--require-hashes" in line or "--no-deps --no-build-isolation" in line for line in installs)


def test_help_lists_every_target_for_people(make: str) -> None:
    """`make` alone shows what there is."""
    done = subprocess.run([make, "help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert {"run", "test", "lint", "format", "lock", "bench"} <= set(re.findall(r"^  make (\w+)", done.stdout, re.M))
