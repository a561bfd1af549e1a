"""What a world's facts say, as sets of tuples, and the role that follows from them (authorization.md §1.2-§1.4)."""

from collections import defaultdict
from typing import Any

from access_rules.world import Event, World

ROLES = ("none", "read", "write", "admin")
ALIVE = ("active", "archived")
WORSE = ("active", "archived", "deleted", "transferred")

# §1.3: what a word on a node gives on every contained repository.
GIVES = {
    ("repository", "read"): "read",
    ("repository", "write"): "write",
    ("repository", "admin"): "admin",
    ("project", "read"): "read",
    ("project", "write"): "write",
    ("project", "create-repo"): "write",
    ("project", "admin"): "admin",
}


class Relations:
    """The facts of one world, the newest of each."""

    def __init__(self, world: World) -> None:
        self.world = world
        facts = _newest(world.events)
        self.workspaces = {(d["workspace"], d["slug"], d["state"]) for d in facts["workspace.set"]}
        self.projects: set[tuple[str, str, str]] = {(d["id"], d["workspace"], d["state"]) for d in facts["project.set"]}
        self.repositories: set[tuple[str, str, str | None, str | None, str]] = {
            (d["id"], d["workspace"], d.get("project"), d.get("slug"), d["state"]) for d in facts["repository.set"]
        }
        self.environments: set[tuple[str, str, str, str]] = {
            (d["id"], d["workspace"], d["repository"], d["state"]) for d in facts["environment.set"]
        }
        self.groups = {(d["id"], d["workspace"]) for d in facts["group.set"] if d["state"] == "active"}
        self.users = {(d["id"], d["active"]) for d in facts["user.set"]}
        self.revoked = {d["id"] for d in facts["credential.set"] if d["state"] == "revoked"}
        self.in_group = {(d["workspace"], d["user"], d["group"]) for d in facts["group_member.set"] if d["present"]}
        self.called = {(d["user"], d["workspace"], d["role"]) for d in facts["workspace_member.set"]}
        self.grants = {
            (d["workspace"], d["node"]["kind"], d["node"]["id"], d["grantee"]["kind"], d["grantee"]["id"], d["role"])
            for d in facts["grant.set"]
        }

    def groups_of(self, user: str, workspace: str) -> set[str]:
        """The workspace's live groups that a user is in."""
        return {g for (g, home) in self.groups if home == workspace and (workspace, user, g) in self.in_group}

    def owns(self, user: str, workspace: str) -> bool:
        """Whether a user, or a group the user is in, owns the workspace."""
        named = (user, workspace, "owner") in self.called
        ours = {(workspace, "workspace", workspace, "group", g, "owner") for g in self.groups_of(user, workspace)}
        return named or bool(ours & self.grants)

    def paths(self, user: str, workspace: str, repository: str) -> str:
        """The maximum over all paths from a user to a repository, before any filter."""
        if self.owns(user, workspace):
            return "admin"
        nodes = {("repository", repository)} | {("project", p) for p in self.live_project_of(workspace, repository)}
        whom = {("user", user)} | {("group", group) for group in self.groups_of(user, workspace)}
        found = {"none"}
        for home, kind, node, grantee_kind, grantee, word in self.grants:
            if home == workspace and (kind, node) in nodes and (grantee_kind, grantee) in whom:
                found.add(GIVES.get((kind, word), "none"))
        return max(found, key=ROLES.index)

    def live_project_of(self, workspace: str, repository: str) -> set[str]:
        """The repository's project, unless it is gone or was never announced."""
        above = {project for (r, home, project, _, _) in self.repositories if (r, home) == (repository, workspace)}
        return {p for (p, home, state) in self.projects if p in above and home == workspace and state in ALIVE}

    def state_of(self, workspace: str, repository: str) -> str:
        """The state of a repository in a workspace, or of its project if that one is gone; unknown ones are deleted."""
        for identity, home, project, _, state in self.repositories:
            if (home, identity) == (workspace, repository):
                above = {s for (p, ws, s) in self.projects if (p, ws) == (project, workspace) and s not in ALIVE}
                return max({state, *above}, key=WORSE.index)
        return "deleted"

    def lives_in(self, workspace: str, repository: str) -> bool:
        """Whether the workspace has the repository, active or archived."""
        return self.state_of(workspace, repository) in ALIVE

    def resolve(self, workspace: str, name: str) -> str | None:
        """The one living repository whose slug is the first component of an image name; two are none."""
        named = [r for (r, ws, _, slug, _) in self.repositories if (ws, slug) == (workspace, name.split("/")[0])]
        living = [repository for repository in named if self.lives_in(workspace, repository)]
        return living[0] if len(living) == 1 else None


def _newest(events: tuple[Event, ...]) -> defaultdict[str, list[dict[str, Any]]]:
    """The data of each subject's highest version in its workspace, by type (`grant.set`, ...).

    A repository has a row in each workspace that ever had it, and keeps the place it had when it is transferred. It is
    gone from where a higher version has placed it elsewhere, whether or not a transfer was announced (§2.2).
    """
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    kinds: dict[tuple[str, str], str] = {}
    for event in sorted(events, key=lambda event: event["data"]["version"]):
        key = (event["subject"], event["data"].get("workspace", ""))
        moored = event["subject"].startswith("re:")
        newest[key] = {**newest.get(key, {}), **event["data"]} if moored else dict(event["data"])
        kinds[key] = event["type"].split(".", 3)[3].removesuffix(".v1")
    facts: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for (subject, home), data in newest.items():
        later = [d for (s, h), d in newest.items() if s == subject and h != home and d["version"] > data["version"]]
        if data.get("state") in ALIVE and any(d["state"] != "transferred" for d in later):
            data = {**data, "state": "transferred"}
        facts[kinds[subject, home]].append(data)
    return facts
