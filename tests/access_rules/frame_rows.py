"""A world as rows of the change stream, written from moorage.access.frames alone: the naive opposite of permissions."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from access_rules.world import Event, World
from moorage.access.frames import ImageRow, Row, RowKind
from moorage.access.image import ImageRecord, ImageState, PublishingDefaults
from moorage.access.publisher_body import PublisherBody
from moorage.access.publishers import Publisher
from moorage.access.role import Membership, Role

_STATES = {"active": 1, "archived": 2, "deleted": 3, "transferred": 4, "suspended": 5}
_ROLES = {"none": 0, "read": 1, "write": 2, "create-repo": 2, "admin": 3, "owner": 3}
_GRANTS = {
    ("group", "repository"): RowKind.GROUP_REPOSITORY,
    ("user", "repository"): RowKind.USER_REPOSITORY,
    ("group", "project"): RowKind.GROUP_PROJECT,
    ("user", "project"): RowKind.USER_PROJECT,
}


class RowWriter:
    """Gives aliases to entities, inside their workspaces, and writes rows; `rows` is the stream so far."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._aliases: dict[tuple[str, str, str], int] = {}
        self._repositories: dict[tuple[str, str], dict[str, Any]] = {}

    @classmethod
    def of(cls, world: World) -> "RowWriter":
        """Everything that the world says, in the order in which it was said."""
        writer = cls()
        for event in world.events:
            if event["subject"].startswith("ws:"):
                writer.alias("workspace", event["data"]["workspace"])
        for event in world.events:
            writer.tell(event, world)
        for image in world.images:
            writer.show(image)
        return writer

    def alias(self, kind: str, identity: str, workspace: str = "") -> int:
        """The entity's alias, interned before its first use."""
        known = (workspace, kind, identity)
        if known not in self._aliases:
            home = self.alias("workspace", workspace) if workspace else 0
            self._aliases[known] = len(self._aliases) + 1
            extra = {"kind": kind, "uuid": identity}
            self.rows.append((RowKind.INTERN, home, self._aliases[known], 0, 0, 0, extra))
        return self._aliases[known]

    def tell(self, event: Event, world: World) -> None:
        """Writes the row of a fact."""
        data: dict[str, Any] = dict(event["data"])
        kind = event["type"].split(".")[3]
        if event["type"].split(".")[2] == "identity":
            self._identity(kind, data)
        else:
            self._authority(kind, data, world)

    def _authority(self, kind: str, data: dict[str, Any], world: World) -> None:
        workspace = str(data["workspace"])
        home = self.alias("workspace", workspace)
        match kind:
            case "workspace":
                public = UUID(workspace) in world.allow_public
                defaults = world.publishing.get(UUID(workspace), PublishingDefaults())
                extra = {
                    "slug": data["slug"],
                    "allow_public": public,
                    "default_push_policy": defaults.policy,
                    "default_publishers": [_publisher(each) for each in defaults.publishers],
                    "pipeline_create": defaults.pipeline_create,
                }
                self._row(RowKind.WORKSPACE, 0, home, 0, _STATES[data["state"]], data, extra)
            case "repository":
                self._repository(workspace, data)
            case "environment":
                extra = {"kind": kind, "slug": data["name"]}
                node, above = (
                    self.alias(kind, data["id"], workspace),
                    self.alias("repository", data["repository"], workspace),
                )
                self._row(RowKind.NODE, home, node, above, _STATES[data["state"]], data, extra)
            case "project" | "group":
                extra = {"kind": kind, "slug": data.get("slug", data.get("key"))}
                node = self.alias(kind, data["id"], workspace)
                self._row(RowKind.NODE, home, node, 0, _STATES[data["state"]], data, extra)
            case "group_member":
                user, group = self.alias("user", data["user"]), self.alias("group", data["group"], workspace)
                self._row(RowKind.USER_GROUP, home, user, group, int(data["present"]), data)
            case "workspace_member":
                word = Membership[data["role"].upper()]
                self._row(RowKind.WORKSPACE_ROLE, home, self.alias("user", data["user"]), 0, word, data)
            case "grant":
                self._grant(workspace, home, data)

    def show(self, image: ImageRecord) -> None:
        """Writes the row of an image record."""
        workspace = str(image.workspace)
        says = ImageRow(
            name=image.name,
            visibility=image.visibility,
            push_policy=image.push_policy,
            state=image.state,
            link_gen=image.link_gen,
            acl_seq=image.acl_seq,
            deadline=image.deadline.isoformat() if image.deadline else None,
            pull_grace_until=image.pull_grace_until.isoformat() if image.pull_grace_until else None,
            consumer_repositories=sorted(map(str, image.consumer_repositories)),
            admin_override=image.admin_override,
            publishers=[PublisherBody.model_validate(_publisher(each)) for each in image.publishers],
        )
        a, b = self.alias("image", str(image.id), workspace), self.alias("repository", str(image.repository), workspace)
        present = int(image.state is not ImageState.DELETED)
        home = self.alias("workspace", workspace)
        self.rows.append((RowKind.IMAGE, home, a, b, present, 0, says.model_dump(mode="json")))

    def _repository(self, workspace: str, data: dict[str, Any]) -> None:
        """A transferred repository keeps its place; one that turns up elsewhere is gone from where it was (§2.2)."""
        here = (workspace, data["id"])
        self._repositories[here] = {**self._repositories.get(here, {}), **data}
        self._place(workspace, self._repositories[here])
        for (elsewhere, identity), known in self._repositories.items():
            placed_here = data["state"] != "transferred" and known["state"] in ("active", "archived")
            if identity == data["id"] and elsewhere != workspace and placed_here:
                known["state"] = "transferred"
                self._place(elsewhere, known)

    def _place(self, workspace: str, data: dict[str, Any]) -> None:
        above = self.alias("project", data["project"], workspace) if "project" in data else 0
        node, home = self.alias("repository", data["id"], workspace), self.alias("workspace", workspace)
        extra = {"kind": "repository", "slug": data.get("slug", "")}
        self._row(RowKind.NODE, home, node, above, _STATES[data["state"]], data, extra)

    def _identity(self, kind: str, data: dict[str, Any]) -> None:
        if kind == "user":
            extra = {"account": data["account"]}
            self._row(RowKind.PRINCIPAL, 0, self.alias("user", data["id"]), 0, int(data["active"]), data, extra)
        else:
            owner = self.alias("user", data["principal"].partition(":")[2])
            credential = self.alias("credential", data["id"])
            active = int(data["state"] == "active")
            self._row(RowKind.CREDENTIAL, 0, credential, owner, active, data, {"expires": data.get("expires")})

    def _grant(self, workspace: str, home: int, data: dict[str, Any]) -> None:
        node, grantee, role = data["node"], data["grantee"], _ROLES[data["role"]]
        inside = workspace if grantee["kind"] == "group" else ""
        whom = self.alias(grantee["kind"], grantee["id"], inside)
        if node["kind"] == "workspace":
            return self._row(RowKind.WORKSPACE_ROLE, home, whom, 1, role, data)
        what = self.alias(node["kind"], node["id"], workspace)
        return self._row(_GRANTS[grantee["kind"], node["kind"]], home, whom, what, Role(role), data)

    def _row(
        self,
        kind: RowKind,
        ws: int,
        a: int,
        b: int,
        value: int,
        data: dict[str, Any],
        extra: dict[str, Any] | None = None,
    ) -> None:
        row = (int(kind), ws, a, b, int(value), data["version"])
        self.rows.append(row if extra is None else (*row, extra))


def _publisher(publisher: Publisher) -> dict[str, Any]:
    what = {"environment": str(publisher.environment)} if publisher.environment else {"any_pipeline": True}
    return {**what, "branches": list(publisher.branches)}


def split(rows: list[Row], workspace: int) -> Iterator[Row]:
    """The rows of a workspace's part (0: the global part), with every alias that they use."""
    return (row for row in rows if row[1] == workspace or (row[0] == RowKind.INTERN and row[1] in (0, workspace)))
