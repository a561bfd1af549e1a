"""Random worlds and questions about them: small enough to collide all the time, odd enough to hit every corner."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any, Final, TypeVar
from uuid import UUID

from access_rules.world import BEGINNING, Event, Question, World, event, identifier
from moorage.access.action import Action
from moorage.access.image import ImageRecord, ImageState, PublishingDefaults, PushPolicy, Visibility
from moorage.access.principal import ALL_SCOPES, NOBODY, Bound, Identity, Principal, PrincipalKind, Scope
from moorage.access.publishers import PipelineRun, Publisher
from moorage.access.role import Role

T = TypeVar("T")

WORKSPACES: Final = ("acme", "globex")
SLUGS: Final = ("ledger", "shop", "mint")
IMAGES: Final = ("ledger/api", "ledger", "shop/web", "api", "mint/x/y", "none/such")
BRANCHES: Final = ("main", "release/1", "release/1/fix", "dev", "Main", "main/x")
GLOBS: Final = ("main", "release/*", "release/**", "*", "**", "m*n", "*e*/**", "**/1", "dev")
BOUNDS: Final = ("repository", "project", "workspace", "image")
ROLES: Final = {
    "repository": ("none", "read", "write", "admin"),
    "project": ("none", "read", "write", "create-repo", "admin"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """What exists in a workspace, by UUID as text; some of it may never be announced."""

    workspace: str
    slug: str
    projects: tuple[str, ...]
    repositories: tuple[str, ...]
    groups: tuple[str, ...]
    environments: tuple[str, ...]


class WorldMaker:
    """Makes a world and questions about it from one seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._events: list[Event] = []
        self._parts = [_part(slug) for slug in WORKSPACES]
        self._users = [str(identifier("user", f"u{n}")) for n in range(5)]
        self._credentials: list[Identity] = []
        self._homes: dict[str, str] = {}

    def world(self) -> World:
        """The world; call it once."""
        for part in self._parts:
            self._hierarchy(part)
        self._people()
        for part in self._parts:
            self._memberships(part)
            self._grants(part)
        self._credential_facts()
        self._rewrite()
        public = frozenset(UUID(part.workspace) for part in self._parts if self._chance(0.6))
        self._images = tuple(image for part in self._parts for image in self._records(part))
        publishing = {UUID(part.workspace): self._defaults() for part in self._parts if self._chance(0.5)}
        return World(tuple(self._events), self._images, public, BEGINNING, publishing)

    def questions(self, count: int) -> Iterator[Question]:
        """Random questions about the world."""
        for _ in range(count):
            if self._images and self._chance(0.15):
                yield self._publication(self._pick(self._images))
                continue
            workspace = self._pick(WORKSPACES) if self._chance(0.98) else "nowhere"
            action = self._pick(tuple(Action))
            yield Question(self._identity(), action, workspace, self._pick(IMAGES))

    def _publication(self, image: ImageRecord) -> Question:
        """A push by a pipeline of the image's repository, or to a new name, that has some chance to be allowed."""
        slug = next(part.slug for part in self._parts if part.workspace == str(image.workspace))
        run = replace(self._run(), environment=self._pick((None, *map(UUID, self._at_home(image.repository)))))
        who = Identity(Principal(PrincipalKind.PIPELINE, image.repository), run=run)
        return Question(who, Action.PUSH, slug, image.name if self._chance(0.7) else "none/such")

    # Facts

    def _tell(self, suffix: str, subject: str, **data: Any) -> None:
        self._events.append(event(suffix, subject, len(self._events) + 1, data))

    def _hierarchy(self, part: Part) -> None:
        ws = part.workspace
        state = self._pick(("active",) * 18 + ("suspended", "deleted"))
        self._tell("scm.workspace.set", f"ws:{ws}", workspace=ws, slug=part.slug, state=state)
        for project in self._some(part.projects, 0.9):
            self._project(part, project)
        for repository in part.repositories:
            self._repository(part, repository)
        for environment in self._some(part.environments, 0.9):
            self._environment(part, environment)
        for group in self._some(part.groups, 0.85):
            self._group(part, group)

    def _project(self, part: Part, project: str) -> None:
        state = self._pick(("active",) * 6 + ("archived", "deleted"))
        self._tell("scm.project.set", f"pr:{project}", workspace=part.workspace, id=project, key="PAY", state=state)

    def _repository(self, part: Part, repository: str) -> None:
        state = self._pick(("active",) * 6 + ("archived", "deleted"))
        slug, project = self._pick(SLUGS), self._pick(part.projects)
        self._tell(
            "scm.repository.set",
            f"re:{repository}",
            workspace=part.workspace,
            id=repository,
            project=project,
            slug=slug,
            state=state,
            is_private=self._chance(0.5),
        )

    def _environment(self, part: Part, environment: str) -> None:
        self._tell(
            "scm.environment.set",
            f"en:{environment}",
            workspace=part.workspace,
            id=environment,
            repository=self._home_of(part, environment),
            name="production",
            stage=self._pick(("test", "staging", "production")),
            admin_only=self._chance(0.3),
            state=self._pick(("active",) * 5 + ("deleted",)),
        )

    def _home_of(self, part: Part, environment: str) -> str:
        self._homes[environment] = self._pick(part.repositories)
        return self._homes[environment]

    def _at_home(self, repository: UUID) -> list[str]:
        return [environment for environment, home in self._homes.items() if home == str(repository)]

    def _group(self, part: Part, group: str) -> None:
        state = self._pick(("active", "active", "active", "deleted"))
        self._tell(
            "scm.group.set", f"gp:{group}", workspace=part.workspace, id=group, slug="team", incarnation=1, state=state
        )

    def _people(self) -> None:
        for user in self._some(self._users, 0.95):
            self._tell("identity.user.set", f"us:{user}", id=user, account="someone", active=self._chance(0.95))

    def _memberships(self, part: Part) -> None:
        for user in self._users:
            for group in self._some(part.groups, 0.35):
                self._member(part, user, group, present=self._chance(0.8))
            if self._chance(0.6):
                self._part_of(part, user)

    def _member(self, part: Part, user: str, group: str, *, present: bool) -> None:
        self._tell(
            "scm.group_member.set",
            f"gm:{group}:{user}",
            workspace=part.workspace,
            group=group,
            user=user,
            present=present,
        )

    def _part_of(self, part: Part, user: str) -> None:
        word = self._pick(("owner", "member", "member", "collaborator", "none"))
        subject = f"wm:{part.workspace}:{user}"
        self._tell("scm.workspace_member.set", subject, workspace=part.workspace, user=user, role=word)

    def _grants(self, part: Part) -> None:
        for _ in range(self._random.randrange(6, 24)):
            self._grant(part)
        if self._chance(0.2):
            self._give(
                part, ("workspace", part.workspace), ("group", self._pick(part.groups)), self._pick(("owner", "none"))
            )

    def _grant(self, part: Part) -> None:
        kind = self._pick(("repository", "project"))
        node = self._pick(part.repositories if kind == "repository" else part.projects)
        whom = ("user", self._pick(self._users)) if self._chance(0.5) else ("group", self._pick(part.groups))
        self._give(part, (kind, node), whom, self._pick(ROLES[kind]))

    def _give(self, part: Part, node: tuple[str, str], whom: tuple[str, str], role: str) -> None:
        self._tell(
            "scm.grant.set",
            ":".join(("gr", *node, *whom)),
            workspace=part.workspace,
            node={"kind": node[0], "id": node[1]},
            grantee={"kind": whom[0], "id": whom[1]},
            role=role,
        )

    def _credential_facts(self) -> None:
        for number in range(4):
            user, credential = self._pick(self._users), identifier("credential", str(number))
            state = self._pick(("active", "active", "revoked"))
            self._tell(
                "identity.credential.set", f"cr:{credential}", id=str(credential), principal=f"user:{user}", state=state
            )
            self._credentials.append(Identity(Principal(PrincipalKind.USER, UUID(user)), credential))

    def _rewrite(self) -> None:
        """Some facts get a newer version, as life goes on; a repository may be transferred, and may come back."""
        for part in self._parts:
            for repository in self._some(part.repositories, 0.2):
                self._repository(part, repository)
            for group in self._some(part.groups, 0.1):
                self._group(part, group)
            for environment in self._some(part.environments, 0.1):
                self._environment(part, environment)
            for user in self._some(self._users, 0.1):
                self._part_of(part, user)
            for _ in range(self._random.randrange(4)):
                self._grant(part)
        if self._chance(0.3):
            here, there = self._random.sample(self._parts, 2)
            self._transfer(here, there, self._pick(here.repositories))

    def _transfer(self, here: Part, there: Part, repository: str) -> None:
        """With a word in the old workspace or without, and sometimes back again."""
        gone = {"id": repository, "state": "transferred", "to_workspace": there.workspace}
        if self._chance(0.7):
            self._tell("scm.repository.set", f"re:{repository}", workspace=here.workspace, **gone)
        self._repository(there, repository)
        if self._chance(0.2):
            self._repository(here, repository)
        if self._chance(0.3):
            self._give(there, ("repository", repository), ("user", self._pick(self._users)), "admin")

    # Images

    def _records(self, part: Part) -> Iterator[ImageRecord]:
        for name in self._some(IMAGES[:-1], 0.9):
            repository = UUID(self._pick(part.repositories))
            yield ImageRecord(
                identifier("image", f"{part.slug}/{name}"),
                UUID(part.workspace),
                name,
                repository,
                visibility=self._pick(tuple(Visibility)),
                push_policy=self._pick(tuple(PushPolicy)),
                consumer_repositories=frozenset(map(UUID, self._some(self._all_repositories(), 0.2))),
                admin_override=self._chance(0.3),
                publishers=self._publishers(*self._at_home(repository)),
                **self._stage(),
            )

    def _stage(self) -> dict[str, Any]:
        """The state of an image, with dates that may have passed."""
        state = self._pick((ImageState.ACTIVE,) * 15 + tuple(ImageState))
        if state is not ImageState.DETACHED:
            return {"state": state}
        grace = self._pick((timedelta(-1), timedelta(0), timedelta(microseconds=1), timedelta(2), None))
        until = BEGINNING + grace if grace is not None else None
        return {"state": state, "deadline": BEGINNING + timedelta(27), "pull_grace_until": until}

    def _defaults(self) -> PublishingDefaults:
        policy = self._pick((PushPolicy.REPOSITORY_WRITE, *PushPolicy))
        return PublishingDefaults(policy, self._publishers(), pipeline_create=self._chance(0.6))

    def _publishers(self, *likely: str) -> tuple[Publisher, ...]:
        """Environments of whatever repository and workspace, also unknown ones, and any pipeline."""
        listed = self._some((None, None, *likely, *likely, *self._all_environments()), 0.35)
        return tuple(Publisher(UUID(each) if each else None, self._globs()) for each in listed)

    def _globs(self) -> tuple[str, ...]:
        return tuple(self._some(GLOBS, 0.2)) if self._chance(0.4) else ()

    # Who asks

    def _identity(self) -> Identity:
        kind = self._pick((PrincipalKind.USER,) * 10 + (PrincipalKind.PIPELINE,) * 6 + (*PrincipalKind, *PrincipalKind))
        if kind is PrincipalKind.USER and self._chance(0.2):
            return self._pick(self._credentials)
        if kind is PrincipalKind.ANONYMOUS:
            return NOBODY
        return Identity(
            Principal(kind, UUID(self._named(kind))),
            scopes=ALL_SCOPES if self._chance(0.7) else frozenset(self._some(tuple(Scope), 0.4)),
            bound=self._bound() if self._chance(0.9 if kind is PrincipalKind.ROBOT else 0.15) else None,
            granted_role=self._pick((None, *Role)) if kind is PrincipalKind.ROBOT else None,
            expires=BEGINNING + self._pick((timedelta(0), timedelta(1))) if self._chance(0.1) else None,
            run=self._run() if self._chance(0.95 if kind is PrincipalKind.PIPELINE else 0.1) else None,
        )

    def _run(self) -> PipelineRun:
        environment = UUID(self._pick(self._all_environments())) if self._chance(0.6) else None
        return PipelineRun(environment, self._pick((None, *BRANCHES, *BRANCHES)), self._chance(0.1))

    def _named(self, kind: PrincipalKind) -> str:
        """An id of the right kind, or now and then of another one: a UUID gives nothing by itself."""
        groups = tuple(group for part in self._parts for group in part.groups)
        if self._chance(0.05):
            return self._pick((*self._users, *self._all_repositories(), *groups))
        match kind:
            case PrincipalKind.USER:
                return self._pick(self._users)
            case PrincipalKind.PIPELINE:
                return self._pick(self._all_repositories())
            case _:
                return str(identifier(kind, "hal"))

    def _bound(self) -> Bound:
        kind, part = self._pick(BOUNDS), self._pick(self._parts)
        inside = {
            "repository": part.repositories,
            "project": part.projects,
            "workspace": (part.workspace,),
            "image": tuple(str(identifier("image", f"{part.slug}/{name}")) for name in IMAGES),
        }
        return Bound(kind, frozenset({UUID(self._pick(inside[kind])) for _ in range(self._random.randrange(3))}))

    def _all_repositories(self) -> tuple[str, ...]:
        return tuple(repository for part in self._parts for repository in part.repositories)

    def _all_environments(self) -> tuple[str, ...]:
        return tuple(environment for part in self._parts for environment in part.environments)

    # Chance

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _pick(self, things: Sequence[T]) -> T:
        return self._random.choice(things)

    def _some(self, things: Sequence[T], share: float) -> list[T]:
        return [thing for thing in things if self._chance(share)]


def _part(slug: str) -> Part:
    def named(kind: str, count: int) -> tuple[str, ...]:
        return tuple(str(identifier(kind, f"{slug}.{number}")) for number in range(count))

    return Part(
        str(identifier("workspace", slug)),
        slug,
        named("project", 2),
        named("repository", 4),
        named("group", 3),
        named("environment", 5),
    )
