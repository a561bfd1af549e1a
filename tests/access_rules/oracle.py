"""An independent, naive reading of authorization.md §1.2-§1.9: sets of tuples and loops, no product rule is imported.

It doesn't choose between reasons. It collects *all* that stands in the way: an action is allowed if and only if nothing
does, and whatever reason an engine names must be one of these obstacles.
"""

import re
from dataclasses import dataclass
from uuid import UUID

from access_rules.relations import ALIVE, ROLES, Relations
from access_rules.world import Question
from moorage.access.image import ImageRecord, PublishingDefaults
from moorage.access.principal import Identity
from moorage.access.publishers import Publisher

# §1.5
NEEDS = {"pull": "read", "push": "write", "delete-tag": "write", "delete": "admin", "manage": "admin"}

# §1.4: what each scope opens, and how far it reaches.
OPENS = {
    ("image:read", "pull"),
    ("image:write", "pull"),
    ("image:write", "push"),
    ("image:delete", "delete-tag"),
    ("image:delete", "delete"),
    *(("image:admin", action) for action in NEEDS),
}

# §1.6, columns as labels of who asks; anonymous and outsiders are "anyone".
SEES = {
    ("inherit", "consumer pipeline"),
    ("workspace", "member or owner"),
    ("workspace", "pipeline of the workspace"),
    ("public", "member or owner"),
    ("public", "pipeline of the workspace"),
    ("public", "anyone"),
    ("workspace", "consumer pipeline"),
    ("public", "consumer pipeline"),
}

# §1.8, rows of users and robots: what a role may not do under a policy.
REFUSES = {
    ("pipelines_only", "write"): "pipelines_only",
    ("pipelines_only", "admin"): "pipelines_only",
    ("admins_only", "write"): "admins_only",
}

NOT_LET_IN = {"unauthenticated", "principal_inactive", "credential_revoked", "credential_expired", "scope"}
"""The obstacles answered with 401 (§4): while one of these stands, no other reason may be named."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Everything in the way (nothing: allowed), whether the image may be known of, and the role that counts.

    `masks` are reasons that an engine may give instead, so that a hidden image can't be told from a missing one (V3).
    """

    obstacles: frozenset[str]
    readable: bool
    masks: frozenset[str] = frozenset()
    role: str = "none"

    @property
    def allowed(self) -> bool:
        """Whether the action may go on."""
        return not self.obstacles


class Oracle(Relations):
    """Answers questions about one world."""

    # §1.4, with the credential

    def role(self, identity: Identity, action: str, workspace: str, repository: str, image: UUID | None) -> str:
        """The role after the credential's kind, bound and scopes, before any state."""
        who, kind = str(identity.principal.id), identity.principal.kind.value
        if kind in ("anonymous", "service") or not self.inside(identity, workspace, repository, image):
            return "none"
        if kind == "pipeline":
            facts = "read" if who == repository else "none"
        elif kind == "robot":
            facts = ROLES[identity.granted_role or 0] if identity.bound else "none"
        else:
            facts = self.paths(who, workspace, repository)
        reach = {"none"}
        for scope in identity.scopes:
            if scope.value == "image:delete" and action in ("delete-tag", "delete"):
                reach.add(NEEDS[action])
            reach.add({"image:read": "read", "image:write": "write", "image:admin": "admin"}.get(scope.value, "none"))
        return min(facts, max(reach, key=ROLES.index), key=ROLES.index)

    def inside(self, identity: Identity, workspace: str, repository: str, image: UUID | None) -> bool:
        """Whether the repository or image lies inside the credential's bound."""
        if identity.bound is None:
            return True
        around = {workspace, repository, str(image)}
        around |= {str(p) for (r, ws, p, _, _) in self.repositories if (r, ws) == (repository, workspace)}
        return any(str(node) in around for node in identity.bound.ids)

    def opens(self, identity: Identity, action: str) -> bool:
        """Whether the scopes may ever be used for the action."""
        return any((scope.value, action) in OPENS for scope in identity.scopes)

    # §1.6

    def labels(self, identity: Identity, image: ImageRecord) -> set[str]:
        """Which columns of the visibility table apply to who asks."""
        labels = {"anyone"}
        who, kind, workspace = str(identity.principal.id), identity.principal.kind.value, str(image.workspace)
        inside = self.inside(identity, workspace, str(image.repository), image.id)
        if not inside or not self.opens(identity, "pull"):
            return labels
        if kind == "user" and (self.owns(who, workspace) or (who, workspace, "member") in self.called):
            labels.add("member or owner")
        if kind == "pipeline" and self.lives_in(workspace, who):
            labels.add("pipeline of the workspace")
            if identity.principal.id in image.consumer_repositories:
                labels.add("consumer pipeline")
        return labels

    def visible(self, identity: Identity, image: ImageRecord) -> bool:
        """Whether visibility alone lets pull."""
        shown = image.visibility.value
        if shown == "public" and image.workspace not in self.world.allow_public:
            shown = "workspace"
        return any((shown, label) in SEES for label in self.labels(identity, image))

    # §1.9

    def in_grace(self, image: ImageRecord) -> bool:
        """Whether a detached image may still be pulled by its former readers."""
        return image.pull_grace_until is not None and self.world.now < image.pull_grace_until

    def suspended(self, image: ImageRecord) -> bool:
        """Whether the workspace, and so the image, is suspended or deleted."""
        living = {ws for (ws, _, state) in self.workspaces if state in ALIVE}
        return image.state.value == "suspended" or str(image.workspace) not in living

    def effective(self, identity: Identity, action: str, image: ImageRecord) -> str:
        """The role that counts for the action, in the image's and the repository's state."""
        role = self.role(identity, action, str(image.workspace), str(image.repository), image.id)
        if image.state.value == "detached":
            if identity.principal.kind.value == "user" and self.owns(str(identity.principal.id), str(image.workspace)):
                return role
            return min(role, "read", key=ROLES.index) if self.in_grace(image) else "none"
        return role if self.lives_in(str(image.workspace), str(image.repository)) else "none"

    def can_pull(self, identity: Identity, image: ImageRecord) -> bool:
        """Whether who asks has pull, suspension aside: what decides who may know of the image (V3)."""
        if self.shut_out(identity) or image.state.value in ("expired", "deleted"):
            return False
        reader = self.effective(identity, "pull", image) != "none" and self.opens(identity, "pull")
        counts = image.state.value != "detached" or self.in_grace(image)
        return reader or (counts and self.visible(identity, image))

    # The questions

    def shut_out(self, identity: Identity) -> set[str]:
        """What is wrong with who asks, whatever is asked."""
        wrong = set()
        if identity.principal.kind.value == "user" and (str(identity.principal.id), True) not in self.users:
            wrong.add("principal_inactive")
        if identity.credential and str(identity.credential) in self.revoked:
            wrong.add("credential_revoked")
        if identity.expires and identity.expires <= self.world.now:
            wrong.add("credential_expired")
        return wrong

    def judge(self, question: Question) -> Finding:
        """All that stands in the way of what is asked."""
        image = self.image(question)
        if image is None:
            return Finding(frozenset(self.without_record(question)), readable=False)
        action, identity = question.action.value, question.identity
        readable = self.can_pull(identity, image)
        found = self.pull(identity, image) if action == "pull" else self.change(identity, action, image)
        masks = (self.without_record(question) or {"no_write"}) if found and not readable else set()
        return Finding(frozenset(found), readable, frozenset(masks), self.effective(identity, action, image))

    def image(self, question: Question) -> ImageRecord | None:
        """The record that bears the name now; a deleted one has lost it."""
        names = {ws for (ws, slug, _) in self.workspaces if slug == question.workspace}
        held = [i for i in self.world.images if str(i.workspace) in names and i.name == question.image]
        return next((i for i in held if i.state.value != "deleted"), None)

    def pull(self, identity: Identity, image: ImageRecord) -> set[str]:
        """Obstacles to a pull."""
        found = self.shut_out(identity)
        if not self.can_pull(identity, image):
            found.add("no_read")
            if identity.principal.kind.value == "anonymous":
                found.add("unauthenticated")
            elif not self.opens(identity, "pull"):
                found.add("scope")
            if image.state.value == "expired":
                found.add("expired")
        if self.suspended(image):
            found.add("suspended")
        return found

    def change(self, identity: Identity, action: str, image: ImageRecord) -> set[str]:
        """Obstacles to everything that is not a pull."""
        found = self.shut_out(identity)
        kind, role = identity.principal.kind.value, self.effective(identity, action, image)
        if kind == "anonymous":
            found.add("unauthenticated")
        elif not self.opens(identity, action):
            found.add("scope")
        if self.suspended(image):
            found.add("suspended")
        if image.state.value == "expired":
            found.add("expired")
        if image.state.value == "detached" and not (action in ("delete", "manage") and role == "admin"):
            found.add("detached")
        if action == "push" and self.state_of(str(image.workspace), str(image.repository)) == "archived":
            found.add("repository_archived")
        policies = {image.push_policy.value, self.defaults(str(image.workspace)).policy.value}
        if kind == "pipeline" and action == "push" and role != "none":
            home = (str(image.workspace), str(image.repository))
            return found | self.publishing(identity, home, image.publishers, policies)
        if ROLES.index(role) < ROLES.index(NEEDS[action]):
            found.add(_lacks(action))
        if action in ("push", "delete-tag"):
            found |= self.policy(role, policies, image.admin_override)
        return found

    # §1.8

    def defaults(self, workspace: str) -> PublishingDefaults:
        """What the workspace says of publishing."""
        said = {str(ws): defaults for ws, defaults in self.world.publishing.items()}
        return said.get(workspace, PublishingDefaults())

    def policy(self, role: str, policies: set[str], override: bool) -> set[str]:
        """Obstacles for users and robots: each policy that the image is under refuses by itself."""
        refused = {REFUSES[policy, role] for policy in policies if (policy, role) in REFUSES}
        return refused - {"pipelines_only"} if override and role == "admin" else refused

    def publishing(
        self, identity: Identity, home: tuple[str, str], publishers: tuple[Publisher, ...], policies: set[str]
    ) -> set[str]:
        """Obstacles for a pipeline of the repository `home` (workspace, id), row by row."""
        run = identity.run
        if run is None:
            return {"environment_not_publisher"}
        if run.pull_request:
            return {"branch_not_allowed"}
        if run.environment is None:
            mine = [publisher for publisher in publishers if publisher.environment is None]
        elif (str(run.environment), *home, "active") in self.environments:
            mine = [publisher for publisher in publishers if publisher.environment == run.environment]
        else:
            mine = []
        if not mine:
            return {"environment_not_publisher"}
        if not any(_branch_ok(run.branch, publisher.branches) for publisher in mine):
            return {"branch_not_allowed"}
        return {"admins_only"} & policies

    def without_record(self, question: Question) -> set[str]:
        """Obstacles where no record bears the name: §1.7 for a push, nothing to find for the rest."""
        identity, found = question.identity, self.shut_out(question.identity)
        kind = identity.principal.kind.value
        if kind == "anonymous":
            return found | {"unauthenticated"}
        if not self.opens(identity, question.action.value):
            found.add("scope")
        if question.action.value != "push":
            return found | {"no_read" if question.action.value == "pull" else _lacks(question.action.value)}
        return found | self.first_push(question)

    def first_push(self, question: Question) -> set[str]:
        """Obstacles of the table in §1.7, for somebody who may push at all."""
        identity = question.identity
        who, kind = str(identity.principal.id), identity.principal.kind.value
        living = {(ws, state) for (ws, slug, state) in self.workspaces if slug == question.workspace}
        workspace, workspace_state = next(iter(living), ("", "deleted"))
        repository = who if kind == "pipeline" else self.resolve(workspace, question.image)
        if repository is None or not self.lives_in(workspace, repository):
            owner = kind == "user" and self.owns(who, workspace)
            return {"repository_required"} if owner else {"no_write"}
        role = self.role(identity, "push", workspace, repository, None)
        if role == "none":
            return {"no_write"}
        found = set()
        defaults = self.defaults(workspace)
        if kind == "pipeline":
            policies = {defaults.policy.value}
            wrong = self.publishing(identity, (workspace, repository), defaults.publishers, policies)
            if wrong or not defaults.pipeline_create:
                found.add("record_missing")
        elif role != "admin":
            found.add("record_missing")
        else:
            found |= self.policy(role, {defaults.policy.value}, override=False)
        if workspace_state not in ALIVE:
            found.add("suspended")
        if self.state_of(workspace, repository) == "archived":
            found.add("repository_archived")
        return found


def _branch_ok(branch: str | None, globs: tuple[str, ...]) -> bool:
    """No globs ask for nothing; no branch matches no glob. `*` stays in its segment, `**` does not."""
    patterns = [re.escape(glob).replace(r"\*\*", ".*").replace(r"\*", "[^/]*") for glob in globs]
    return not globs or (branch is not None and any(re.fullmatch(p, branch, re.DOTALL) for p in patterns))


def _lacks(action: str) -> str:
    return "not_admin" if NEEDS[action] == "admin" else "no_write"
