"""docs/clients.md: the matrix as a table, with what a run of it saw."""

from collections.abc import Mapping, Sequence
from typing import Final

from clients.matrix import OPERATIONS, Operation
from servers.clients import ALL
from servers.clients.registry_client import RegistryClient

WORKS: Final = "✓"
NEVER: Final = "—"

_HEAD: Final = """# Clients

What registry clients do with Moorage: each operation tried with the real program against the registry that
`moorage serve` runs. This page was written by a run in which every test was green:

    PYTHONPATH=tests .venv/bin/python -m clients docs/clients.md

✓ stands for a test (`test_matrix[skopeo-push]`) that looked at the outcome: what the registry holds or the client has
got, by digest, and what the client tells its user. — is what a client can't do by its nature; the reasons are below.
"""
_FOOT: Final = """## How tokens end

A bearer token lives for five minutes, and the registry accepts it for one more. docker, podman, buildah, skopeo and
regctl get a new one when their own clock says so, crane and oras when the registry refuses the old one. In both ways a
pull or a push outlasts its tokens: a request in flight ends well, and the upload goes on. With oras that is so for one
blob at a time (`--concurrency 1`): it does not send a blob again whose token ended between opening the upload and
sending it.

A credential that is revoked ends with the request in flight. What was uploaded is kept for the same user: after a new
login the upload goes on at the offset that `GET` on its session tells; clients push again.
"""


def page(versions: Mapping[str, str]) -> str:
    """The whole page; `versions` is each client's, as it printed it."""
    lines = [_HEAD, _row(["", *(client.program for client in ALL)]), _row(["---"] * (len(ALL) + 1))]
    lines.append(_row(["version", *(versions[client.program] for client in ALL)]))
    lines += [_row([operation.title, *(_cell(client, operation) for client in ALL)]) for operation in OPERATIONS]
    return "\n".join([*lines, "", "## Why not", "", *_reasons(), "", _FOOT])


def rows(text: str) -> list[list[str]]:
    """The cells of the page's table, without its head and the versions."""
    table = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[3:]]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(client: type[RegistryClient], operation: Operation) -> str:
    return NEVER if operation.name in client.cannot else WORKS


def _reasons() -> list[str]:
    """One line for a client and a reason, with the operations it is the reason of."""
    lines = []
    for client in ALL:
        titles: dict[str, list[str]] = {}
        for operation in OPERATIONS:
            if reason := client.cannot.get(operation.name):
                titles.setdefault(reason, []).append(operation.title)
        lines += [f"- {client.program}, {'; '.join(told)}: {reason}." for reason, told in titles.items()]
    return lines
