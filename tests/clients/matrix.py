"""The matrix: what is asked of every client, and which of it a client can't do by its nature."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from clients import access_cells, artifact_cells, content_cells, token_cells
from clients.bench import Bench
from servers.clients.registry_client import RegistryClient

Check = Callable[[Bench], Awaitable[None]]


@dataclass(frozen=True)
class Operation:
    """A row: its name in tests, what the table calls it, and how it is tried."""

    name: str
    title: str
    check: Check


OPERATIONS: Final = (
    Operation("login", "login", content_cells.login),
    Operation("wrong-password", "wrong password is refused in words", content_cells.wrong_password),
    Operation("push", "push", content_cells.push),
    Operation("pull", "pull", content_cells.pull),
    Operation("multi-arch", "image for two platforms, in and out", content_cells.multi_arch),
    Operation("mount", "copy across images mounts the layers", content_cells.mount),
    Operation("list", "list tags", content_cells.list_tags),
    Operation("delete", "delete", content_cells.delete),
    Operation("artifact", "artifact of any type, in and out", artifact_cells.artifact),
    Operation("referrers", "attach, and list referrers", artifact_cells.referrers),
    Operation("helm-chart", "Helm chart, in and out", artifact_cells.helm_chart),
    Operation("cosign-signature", "cosign signature tag, in and out", artifact_cells.cosign_signature),
    Operation("attestations", "index with in-toto attestations", artifact_cells.attestations),
    Operation("cache-manifest", "BuildKit cache manifest, in and out", artifact_cells.cache_manifest),
    Operation("cache-index", "BuildKit cache index, copied", artifact_cells.cache_index),
    Operation("build", "build on a private image, cache in the registry", artifact_cells.build),
    Operation("private", "private image: who may read the repository pulls", access_cells.private),
    Operation("workspace-visible", "workspace-visible image: members pull", access_cells.workspace_visible),
    Operation("public", "public image: everybody pulls", access_cells.public),
    Operation("expired-token", "token expires amid a pull: goes on", token_cells.expired_token),
    Operation("token-dies", "token expires amid a layer's push: goes on", token_cells.token_dies_amid_push),
    Operation("revoked", "credential revoked amid a layer's push: says so", token_cells.credential_revoked_amid_push),
)


@dataclass(frozen=True)
class Cell:
    """One operation with one client."""

    client: type[RegistryClient]
    operation: Operation

    def __str__(self) -> str:
        return f"{self.client.program}-{self.operation.name}"


def cells_of(client: type[RegistryClient]) -> list[Cell]:
    """A column, less what the client can't do by its nature."""
    return [Cell(client, operation) for operation in OPERATIONS if operation.name not in client.cannot]
