"""Reads the sentences in which the tables are written (README.md lists them all) into histories and questions."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from access_rules.lifecycle import (
    Allow,
    Change,
    Configure,
    Create,
    Delete,
    Elapse,
    Learn,
    Relink,
    Restore,
    Step,
    play,
)
from access_rules.world import BEGINNING, Question, World, event, identifier
from moorage.access.action import Action
from moorage.access.image import ImageRecord, ImageState, PushPolicy, Visibility
from moorage.access.principal import ALL_SCOPES, NOBODY, Bound, Identity, Principal, PrincipalKind, Scope
from moorage.access.publishers import PipelineRun, Publisher
from moorage.access.role import Role

VERBS: Final = {
    "pulls": Action.PULL,
    "pushes": Action.PUSH,
    "deletes a tag of": Action.DELETE_TAG,
    "deletes": Action.DELETE,
    "manages": Action.MANAGE,
}
AUDIENCES: Final = {
    "the workspace": Visibility.WORKSPACE,
    "the public": Visibility.PUBLIC,
    "readers": Visibility.INHERIT,
}
PUSHERS: Final = {
    "pipelines only": PushPolicy.PIPELINES_ONLY,
    "admins only": PushPolicy.ADMINS_ONLY,
    "writers": PushPolicy.REPOSITORY_WRITE,
}
QUESTION: Final = re.compile(rf"(.+?) ({'|'.join(VERBS)}) (\S+)(?: with (.+))?")
PIPELINE: Final = re.compile(r"(pull-request )?pipeline of (\S+)(?: in (\S+))?(?: on (\S+))?")
SHORT_LIVED: Final = re.compile(r"a token(?: for ([a-z, ]+?))?(?: on (\S+))?")


class SentenceUnknown(ValueError):
    """The notation has no such sentence."""


class Story:
    """A world being told, sentence by sentence."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._version = 0
        self._things: dict[str, tuple[str, UUID]] = {}
        self._data: dict[str, dict[str, Any]] = {}
        self._credentials: dict[str, Identity] = {}
        self._publishers: dict[str, tuple[Publisher, ...]] = {}
        self._workspace = ""

    def tell(self, sentence: str) -> None:
        """Takes one sentence in. Raises SentenceUnknown."""
        for pattern, say in _GRAMMAR:
            if match := pattern.fullmatch(sentence):
                return say(self, *match.groups())
        raise SentenceUnknown(sentence)

    def world(self) -> World:
        """The world as told so far."""
        return play(self.steps)

    def ask(self, sentence: str) -> Question:
        """The question that a sentence asks. Raises SentenceUnknown."""
        match = QUESTION.fullmatch(sentence)
        if not match:
            raise SentenceUnknown(sentence)
        who, verb, image, credential = match.groups()
        workspace, _, name = image.partition(":") if ":" in image else (self._workspace, "", image)
        return Question(self._identity(who, credential), VERBS[verb], workspace, name)

    # Names

    def _id(self, name: str, kind: str | None = None) -> UUID:
        return self._thing(f"{kind} {name}" if kind else name)[1]

    def _thing(self, words: str) -> tuple[str, UUID]:
        kind, _, name = words.rpartition(" ")
        if name in self._things:
            return self._things[name]
        if not kind:
            raise SentenceUnknown(f"nothing is called {name}")
        return kind, identifier(kind, name)

    def _home(self) -> str:
        return str(self._things[self._workspace][1])

    # Facts

    def _learn(self, suffix: str, subject: str, **data: Any) -> None:
        self._version += 1
        self.steps.append(Learn(event(suffix, subject, self._version, data)))

    def _workspace_is(self, name: str) -> None:
        self._workspace = self._workspace or name
        self._things[name] = ("workspace", identifier("workspace", name))
        self._state(name, slug=name, state="active")

    def _node(self, kind: str, name: str, /, **data: Any) -> None:
        identity = identifier(kind, name)
        self._things[name] = (kind, identity)
        self._state(name, workspace=self._home(), id=str(identity), state="active", **data)

    def _state(self, name: str, /, **changes: Any) -> None:
        """A new version of an entity's one fact."""
        kind, identity = self._thing(name)
        data = self._data[name] = {**self._data.get(name, {}), **changes}
        if kind == "workspace":
            data["workspace"] = str(identity)
        suffix = f"identity.{kind}.set" if kind in ("user", "credential") else f"scm.{kind}.set"
        self._learn(suffix, f"{_SUBJECTS[kind]}:{data.get('id', identity)}", **data)

    def _is(self, name: str, state: str) -> None:
        kind, _ = self._thing(name)
        if kind == "image":
            self.steps.append(Delete(name) if state == "deleted" else Change(name, {"state": ImageState(state)}))
        elif kind == "user":
            self._state(name, active=state == "active again")
        else:
            self._state(name, state=state.removesuffix(" again"))

    def _project(self, name: str) -> None:
        self._node("project", name, key=name)

    def _repository(self, name: str, project: str) -> None:
        self._node("repository", name, project=str(self._id(project)), slug=name, is_private=True)

    def _environment(self, name: str, repository: str) -> None:
        home = str(self._id(repository))
        self._node("environment", name, repository=home, name=name, stage="production", admin_only=False)

    def _moves(self, name: str, place: str) -> None:
        above = "repository" if self._thing(name)[0] == "environment" else "project"
        self._state(name, **{above: str(self._id(place))})

    def _renamed(self, name: str, slug: str) -> None:
        self._state(name, slug=slug)

    def _transferred(self, name: str, workspace: str) -> None:
        """Two facts: gone from the old workspace, and new in a project of the other one."""
        old, there = self._data[name], str(self._id(workspace))
        self._gone(old, old["workspace"], there)
        self._turns_up(name, workspace)

    def _transferred_back(self, name: str, workspace: str) -> None:
        old, there = self._data[name], str(self._id(workspace))
        self._gone(old, there, old["workspace"])
        self._learn("scm.repository.set", f"re:{old['id']}", **old)

    def _turns_up(self, name: str, workspace: str) -> None:
        project = str(identifier("project", f"of.{workspace}"))
        data = {**self._data[name], "workspace": str(self._id(workspace)), "project": project}
        self._learn("scm.repository.set", f"re:{data['id']}", **data)

    def _gone(self, data: dict[str, Any], workspace: str, to: str) -> None:
        said = {"workspace": workspace, "id": data["id"], "state": "transferred", "to_workspace": to}
        self._learn("scm.repository.set", f"re:{data['id']}", **said)

    def _published(self, name: str) -> None:
        self._state(name, is_private=False)

    def _group(self, name: str) -> None:
        self._node("group", name, slug=name, incarnation=1)

    def _group_again(self, name: str) -> None:
        identity = identifier("group", f"{name}.2")
        self._things[name] = ("group", identity)
        self._data.pop(name)
        self._state(name, workspace=self._home(), id=str(identity), slug=name, incarnation=2, state="active")

    def _user(self, name: str) -> None:
        identity = identifier("user", name)
        self._things[name] = ("user", identity)
        self._state(name, id=str(identity), account=name, active=True)

    def _member(self, user: str, verb: str, group: str) -> None:
        member, team = self._thing(user)[1], self._thing(group)[1]
        self._learn(
            "scm.group_member.set",
            f"gm:{team}:{member}",
            workspace=self._home(),
            group=str(team),
            user=str(member),
            present=verb == "is in",
        )

    def _part(self, user: str, role: str, workspace: str) -> None:
        member, whole = self._thing(user)[1], self._id(workspace)
        word = "none" if role == "no longer part" else role.rpartition(" ")[2]
        self._learn(
            "scm.workspace_member.set", f"wm:{whole}:{member}", workspace=str(whole), user=str(member), role=word
        )

    def _owns(self, group: str, verb: str, workspace: str) -> None:
        self._grant(group, "owner" if verb == "owns" else "none", workspace)

    def _grant(self, grantee: str, role: str, node: str) -> None:
        (whose, who), (kind, where) = self._thing(grantee), self._thing(node)
        self._learn(
            "scm.grant.set",
            f"gr:{kind}:{where}:{whose}:{who}",
            workspace=str(where) if kind == "workspace" else self._home(),
            node={"kind": kind, "id": str(where)},
            grantee={"kind": whose, "id": str(who)},
            role=role,
        )

    # Credentials

    def _token(self, name: str, user: str, scopes: str | None, node: str | None) -> None:
        credential = identifier("credential", name)
        identity = replace(self._person(user, scopes, node), credential=credential)
        self._credentials[name] = identity
        self._things[name] = ("credential", credential)
        self._state(name, id=str(credential), principal=str(identity.principal), state="active")

    def _expires(self, name: str) -> None:
        self._credentials[name] = replace(self._credentials[name], expires=BEGINNING)

    def _robot(self, name: str, role: str, node: str) -> None:
        robot = Principal(PrincipalKind.ROBOT, identifier("robot", name))
        bound = Bound(self._thing(node)[0], frozenset({self._id(node)}))
        self._credentials[name] = Identity(robot, bound=bound, granted_role=Role[role.upper()])

    def _person(self, name: str, scopes: str | None, node: str | None) -> Identity:
        who = Principal(PrincipalKind.USER, self._id(name))
        return Identity(who, scopes=_scopes(scopes), bound=self._bound(node))

    def _bound(self, node: str | None) -> Bound | None:
        return Bound(self._thing(node)[0], frozenset({self._id(node)})) if node else None

    def _pipeline(self, proposal: str | None, repository: str, environment: str | None, branch: str | None) -> Identity:
        run = PipelineRun(self._id(environment) if environment else None, branch, bool(proposal))
        return Identity(Principal(PrincipalKind.PIPELINE, self._id(repository)), run=run)

    def _identity(self, who: str, credential: str | None) -> Identity:
        if credential in self._credentials:
            return self._credentials[credential]
        terms = SHORT_LIVED.fullmatch(credential or "a token")
        if not terms:
            raise SentenceUnknown(credential)
        scopes, node = terms.groups()
        if who == "nobody":
            return NOBODY
        if pipeline := PIPELINE.fullmatch(who):
            return replace(self._pipeline(*pipeline.groups()), scopes=_scopes(scopes), bound=self._bound(node))
        if who in self._credentials:
            return replace(self._credentials[who], scopes=_scopes(scopes))
        return self._person(who, scopes, node)

    # Images

    def _image(self, name: str, repository: str) -> None:
        self._version += 1
        self._things[name] = ("image", identifier("image", f"{name}.{self._version}"))
        workspace = self._id(self._workspace)
        self.steps.append(Create(ImageRecord(self._id(name), workspace, name, self._id(repository))))

    def _visible(self, name: str, audience: str) -> None:
        self.steps.append(Change(name, {"visibility": AUDIENCES[audience]}))

    def _takes(self, name: str, pushers: str) -> None:
        kind, identity = self._thing(name)
        if kind == "workspace":
            self.steps.append(Configure(identity, {"policy": PUSHERS[pushers]}))
        else:
            self.steps.append(Change(name, {"push_policy": PUSHERS[pushers]}))

    def _published_from(self, name: str, environment: str, branches: str | None) -> None:
        """One more publisher of an image, or of every new image of a workspace."""
        where = None if environment == "any pipeline" else self._id(environment)
        if environment.startswith("environment "):
            self._things[environment.removeprefix("environment ")] = ("environment", self._id(environment))
        new = Publisher(where, tuple(branches.split(", ")) if branches else ())
        self._publishers[name] = (*self._publishers.get(name, ()), new)
        kind, identity = self._thing(name)
        said = {"publishers": self._publishers[name]}
        self.steps.append(Configure(identity, said) if kind == "workspace" else Change(name, said))

    def _pipelines_create(self, workspace: str) -> None:
        self.steps.append(Configure(self._id(workspace), {"pipeline_create": True}))

    def _override(self, name: str) -> None:
        self.steps.append(Change(name, {"admin_override": True}))

    def _consumed(self, name: str, repository: str) -> None:
        self.steps.append(Change(name, {"consumer_repositories": frozenset({self._id(repository)})}))

    def _relinked(self, name: str, repository: str) -> None:
        self._publishers.pop(name, None)
        self.steps.append(Relink(name, self._id(repository)))

    def _restored(self, name: str) -> None:
        self.steps.append(Restore(name))

    def _allows(self, workspace: str, verb: str) -> None:
        self.steps.append(Allow(self._id(workspace), verb == "allows"))

    def _pass(self, count: str, unit: str) -> None:
        self.steps.append(Elapse(timedelta(**{unit: int(count)})))


def tell(sentences: Iterable[str]) -> Story:
    """The story that sentences tell, in their order."""
    story = Story()
    for sentence in sentences:
        story.tell(sentence)
    return story


def _scopes(words: str | None) -> frozenset[Scope]:
    return frozenset(Scope(f"image:{word.strip()}") for word in words.split(",")) if words else ALL_SCOPES


_SUBJECTS: Final = {
    "workspace": "ws",
    "project": "pr",
    "repository": "re",
    "environment": "en",
    "group": "gp",
    "user": "us",
    "credential": "cr",
}

_ANY = r"((?:(?:user|group|project|repository) )?\S+)"
_SENTENCES: Final[dict[str, Callable[..., None]]] = {
    r"(\S+) is a workspace": Story._workspace_is,
    r"(\S+) is a project": Story._project,
    r"(\S+) is a repository in (\S+)": Story._repository,
    r"(\S+) is an environment of (\S+)": Story._environment,
    r"(\S+) is a group": Story._group,
    r"(\S+) is a user": Story._user,
    r"(\S+) is a token of (\S+?)(?: for ([a-z, ]+?))?(?: on (\S+))?": Story._token,
    r"(\S+) is a robot with (read|write|admin) on (\S+)": Story._robot,
    r"(\S+) is an image of (\S+)": Story._image,
    r"(\S+) is created again": Story._group_again,
    r"(\S+) is (active again|archived|suspended|deleted|deactivated|revoked)": Story._is,
    rf"(\S+) moves to {_ANY}": Story._moves,
    r"(\S+) is renamed to (\S+)": Story._renamed,
    r"(\S+) is restored": Story._restored,
    r"(\S+) is transferred to (\S+)": Story._transferred,
    r"(\S+) is transferred back from (\S+)": Story._transferred_back,
    r"(\S+) turns up in (\S+)": Story._turns_up,
    r"(\S+) is public on the code host": Story._published,
    rf"{_ANY} (is in|leaves) {_ANY}": Story._member,
    rf"{_ANY} is (a member|an owner|a collaborator|no longer part) of (\S+)": Story._part,
    r"(\S+) (owns|no longer owns) (\S+)": Story._owns,
    rf"{_ANY} has (read|write|create-repo|admin|none) on {_ANY}": Story._grant,
    r"(\S+) expires": Story._expires,
    rf"(\S+) is visible to ({'|'.join(AUDIENCES)})": Story._visible,
    rf"(\S+) takes pushes by ({'|'.join(PUSHERS)})": Story._takes,
    r"(\S+) has the admin override": Story._override,
    r"(\S+) is published from (any pipeline|(?:environment )?\S+)(?: on (.+))?": Story._published_from,
    r"(\S+) lets pipelines create images": Story._pipelines_create,
    r"(\S+) is consumed by (\S+)": Story._consumed,
    r"(\S+) is relinked to (\S+)": Story._relinked,
    r"(\S+) (allows|forbids) public images": Story._allows,
    r"(\d+) (hours|days) pass": Story._pass,
}
_GRAMMAR: Final = [(re.compile(pattern), say) for pattern, say in _SENTENCES.items()]
