"""Runs the product, and sets the bench's workspace up by the product's own commands."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final

from bench.names import IMAGES
from bench.product.facts import ACCOUNTS, REPOSITORY, facts
from bench.product.login import Login, bearer
from bench.serving import Target, free_port, own_environment, running

LABEL: Final = "moorage"
_MOORAGE: Final = (sys.executable, "-m", "moorage.cli")


@contextmanager
def product(folder: Path, workers: int = 1) -> Iterator[Target]:
    """Runs `moorage serve` on a free port, its data in `folder`, which must not exist."""
    port, data = free_port(), folder / "data"
    folder.mkdir(parents=True)
    command = [*_MOORAGE, "serve", "--data", str(data), "--port", str(port), "--workers", str(workers)]
    with running(command, folder / "log", port, own_environment()) as process:
        logins = _prepared(data, port)
        yield Target(
            LABEL if workers == 1 else f"{LABEL}, {workers} workers",
            f"Moorage {version('moorage')}",
            port,
            process,
            lambda: [f"Bearer {bearer(port, login)}" for login in logins],
            _postmaster(data),
        )


def _prepared(data: Path, port: int) -> list[Login]:
    """Facts, personal tokens, image records: as an operator and a user would make them."""
    _moorage("facts", "apply", "-", "--data", str(data), typed=json.dumps(facts()))
    logins = [Login(account, _personal_token(data, account)) for account in ACCOUNTS]
    for image in IMAGES:
        options = ("--repository", REPOSITORY, "--server", f"http://127.0.0.1:{port}")
        _moorage("image", "create", image, *options, settings={"MOORAGE_TOKEN": logins[0].secret})
    return logins


def _personal_token(data: Path, account: str) -> str:
    return _moorage("token", "create", "bench", "--user", account, "--data", str(data)).strip()


def _moorage(*arguments: str, typed: str = "", settings: Mapping[str, str] | None = None) -> str:
    """What the command prints. Raises RuntimeError with what it says when it fails."""
    command: Sequence[str] = [*_MOORAGE, *arguments]
    done = subprocess.run(
        command, input=typed, capture_output=True, text=True, env={**own_environment(), **(settings or {})}
    )
    if done.returncode:
        raise RuntimeError(f"moorage {' '.join(arguments)} failed: {done.stderr}")
    return done.stdout


def _postmaster(data: Path) -> int | None:
    """The embedded PostgreSQL, by the first line of its own file."""
    file = next(data.rglob("postmaster.pid"), None)
    return None if file is None else int(file.read_text(encoding="utf-8").split()[0])
