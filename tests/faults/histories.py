"""Random histories of facts, and the state that in-order delivery leads to, found without the code under test."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from moorage.events.topics import AUTHORITY, IDENTITY
from permissions.sample_facts import (
    grant,
    group,
    group_member,
    member,
    project,
    repository,
    user,
    uuid_of,
    workspace,
)

ACCOUNTS: Final = ("ann", "ben", "cleo", "dan", "eve")
ROLES: Final = ("none", "read", "write", "admin")


@dataclass(frozen=True)
class Told:
    """One record: the topic of the contract, the partition, and the bytes; a `poison` one can't be applied."""

    topic: str
    partition: int
    body: bytes
    poison: bool = False

    @property
    def workspace(self) -> UUID | None:
        """The workspace it speaks of."""
        stated = json.loads(self.body)["data"].get("workspace")
        return UUID(stated) if stated else None

    @property
    def place(self) -> tuple[UUID | None, str]:
        """The workspace and the fact's key."""
        return self.workspace, json.loads(self.body)["subject"]

    @property
    def version(self) -> int:
        """The fact's version."""
        return int(json.loads(self.body)["data"]["version"])


@dataclass
class History:
    """What a source tells, in order, with versions of one counter; a little of it twice, a little of it broken."""

    seed: int
    size: int
    workspaces: Sequence[str] = ("acme", "bolt", "crate", "dune")
    told: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        print(f"history of seed {self.seed}")  # noqa: T201 - shown with a failure, to repeat it
        chance = random.Random(self.seed)
        self._tell([*(workspace(each, of=each, version=at) for at, each in enumerate(self.workspaces, 1))])
        for version in range(len(self.told) + 1, self.size):
            if chance.random() < 0.05:
                self.told.append(chance.choice(self.told))
            else:
                self._tell([self._fact(chance, version)], poison=chance.random() < 0.03)

    def _tell(self, bodies: Sequence[bytes], *, poison: bool = False) -> None:
        for body in bodies:
            document = json.loads(body)
            broken = {**document, "data": {**document["data"], "state": 7, "role": 7, "present": 7, "active": 7}}
            identity = document["type"].startswith("dev.moorage.identity.")
            if identity:
                self.told.append(Told(IDENTITY.name, IDENTITY.partition_of(UUID(document["data"]["id"])), body))
            else:
                said = json.dumps(broken).encode() if poison else body
                partition = AUTHORITY.partition_of(UUID(document["data"]["workspace"]))
                self.told.append(Told(AUTHORITY.name, partition, said, poison))

    def _fact(self, chance: random.Random, version: int) -> bytes:
        of, who, yes = chance.choice(self.workspaces), chance.choice(ACCOUNTS), chance.random() < 0.6
        team, place = f"{of}-{chance.choice(('red', 'blue'))}", f"{of}-{chance.choice(('one', 'two', 'three'))}"
        node = chance.choice((f"repository:{place}", f"project:{of}-P"))
        makers = (
            lambda: grant(node, f"user:{who}", chance.choice(ROLES), version, of),
            lambda: grant(node, f"group:{team}", chance.choice(ROLES), version, of),
            lambda: group_member(team, who, yes, version, of),
            lambda: group(team, "active" if yes else "deleted", version, of),
            lambda: member(who, chance.choice(("owner", "member", "none")), version, of),
            lambda: repository(place, chance.choice(("active", "archived", "deleted")), version, of, f"{of}-P"),
            lambda: project(f"{of}-P", "active" if yes else "deleted", version, of),
            lambda: user(who, yes, version),
        )
        return chance.choice(makers)()

    @property
    def poison(self) -> int:
        """How many records can't be applied."""
        return sum(each.poison for each in self.told)

    def outcome(self) -> list[bytes]:
        """The newest fact of each key: all that counts in the end."""
        newest: dict[tuple[UUID | None, str], Told] = {}
        for each in self.told:
            if not each.poison and (each.place not in newest or each.version > newest[each.place].version):
                newest[each.place] = each
        return [each.body for each in newest.values()]

    def pinned(self) -> set[UUID]:
        """The workspaces of which something is not known: a broken record, and nothing newer of its key behind it."""
        newest: dict[tuple[UUID | None, str], int] = {}
        pins: set[tuple[UUID | None, str]] = set()
        for each in self.told:
            if each.poison:
                pins.add(each.place)
            elif each.version > newest.get(each.place, -1):
                newest[each.place] = each.version
                pins.discard(each.place)
        return {ws for ws, _ in pins if ws}

    @property
    def workspace_ids(self) -> list[UUID]:
        """All workspaces it speaks of."""
        return [uuid_of("workspace", each) for each in self.workspaces]
