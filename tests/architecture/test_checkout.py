"""What must not slip into any file of the repository."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = {".png", ".ico", ".gz", ".woff2"}
# Written in two halves, so that this file does not match itself.
PRIVATE_PATHS = re.compile(
    "|".join(["/wor" + "k/(?:main|shared)", "/ho" + "me/[a-z]+/", "/Us" + "ers/[a-z]+/", "/ro" + "ot/"])
)


PRIVATE_KEYS = re.compile("-----BEGIN [A-Z ]*" + "PRIVATE KEY-----")


def tracked() -> list[Path]:
    """Text files that are, or could be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file() and Path(name).suffix not in BINARY]


def test_no_file_names_a_folder_of_one_machine() -> None:
    """Absolute paths of somebody's checkout or home work for nobody else."""
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in tracked()
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if PRIVATE_PATHS.search(line)
    ]
    assert found == []


def test_no_file_holds_a_private_key() -> None:
    """Services that are started here make keys; none of them is anybody's to have."""
    keys = [each for each in tracked() if PRIVATE_KEYS.search(each.read_text(encoding="utf-8", errors="replace"))]
    assert [str(each.relative_to(ROOT)) for each in keys] == []


def test_no_module_is_long() -> None:
    """A module of the product has at most 350 lines; long ones hide things (style.md §10)."""
    modules = [file for file in tracked() if file.suffix == ".py" and file.is_relative_to(ROOT / "services")]
    modules += [file for file in tracked() if file.suffix == ".py" and file.is_relative_to(ROOT / "shared")]
    lengths = {str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines()) for file in modules}
    assert {name: length for name, length in lengths.items() if length > 350} == {}


def test_no_module_has_a_name_without_meaning() -> None:
    """Things have homes named for what they are (style.md §9)."""
    empty = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "base"}
    named = [file for file in tracked() if file.suffix == ".py" and {*file.parts, file.stem} & empty]
    assert [str(file.relative_to(ROOT)) for file in named] == []
