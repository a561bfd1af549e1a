"""Makes a new PostgreSQL cluster in a data folder."""

import asyncio
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT
from typing import Final

from moorage.standalone.embedded_postgres.account import Account
from moorage.standalone.embedded_postgres.errors import InitializationFailed, RootRefused
from moorage.standalone.embedded_postgres.folder import DataFolder, write_secret
from moorage.standalone.embedded_postgres.launch import FORBIDDEN
from moorage.standalone.embedded_postgres.programs import Programs

USER: Final = "moorage"
# Nothing of the caller's environment (PGDATA, PGPORT, a locale that is not installed) shall reach the programs.
ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C"}
FIRST_WITH_BUILTIN_LOCALE: Final = 17


async def initialize(programs: Programs, folder: DataFolder, account: Account, password: str) -> None:
    """Creates the cluster, or leaves none. Raises InitializationFailed or RootRefused."""
    _prepare(folder, account)
    with _password_file(folder, account, password) as password_file:
        command = _initdb(programs, folder.unfinished, password_file)
        await _run(account.command(command))
    # The rename is what makes it a cluster: an initdb that was killed leaves no folder of that name.
    await asyncio.to_thread(_keep, folder)


def _initdb(programs: Programs, cluster: Path, password_file: Path) -> list[str]:
    builtin = programs.major >= FIRST_WITH_BUILTIN_LOCALE
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if builtin else ["--locale=C"]
    access = [f"--username={USER}", "--auth=scram-sha-256", f"--pwfile={password_file}"]
    return [programs.path("initdb"), f"--pgdata={cluster}", *access, "--encoding=UTF8", *locale, "--data-checksums"]


def _prepare(folder: DataFolder, account: Account) -> None:
    shutil.rmtree(folder.unfinished, ignore_errors=True)
    folder.root.chmod(0o700)
    account.give(folder.root)


@contextmanager
def _password_file(folder: DataFolder, account: Account, password: str) -> Iterator[Path]:
    path = folder.root / "initial-password"
    write_secret(path, password)
    account.give(path)
    try:
        yield path
    finally:
        path.unlink()


def _keep(folder: DataFolder) -> None:
    folder.unfinished.rename(folder.cluster)
    descriptor = os.open(folder.root, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


async def _run(command: list[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, env=ENVIRONMENT, cwd="/", start_new_session=True
    )
    try:
        output, _ = await process.communicate()
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    _check(process.returncode, output.decode(errors="replace").strip())


def _check(status: int | None, output: str) -> None:
    if status == FORBIDDEN:
        raise RootRefused(output)
    if status != 0:
        raise InitializationFailed(f"initdb ended with status {status}: {output}")
