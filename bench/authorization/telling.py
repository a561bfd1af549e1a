"""Writes many facts to Kafka as a bridge would: record batches in lz4, built whole, acknowledged by all.

Runs in processes of its own; building five million records would stall whoever else lives in the process.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from bench.authorization.world import Place, World, role_word
from moorage.events.topics import AUTHORITY, IDENTITY
from permissions.sample_facts import uuid_of

if TYPE_CHECKING:
    from aiokafka.producer import BatchBuilder

_BATCH_BYTES: Final = 512 * 1024
_IN_FLIGHT: Final = 8
LIVE: Final = 1_000_000_000
"""Versions of the world lie below; what is told of it later lies above."""

Record = tuple[bytes, bytes]
"""Key and value."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Where to write: brokers, and the names of the two topics in this run."""

    bootstrap: str
    authority: str
    identity: str


def write_world(topics: Topics, scale: float, names: tuple[str, ...]) -> int:
    """Writes these workspaces, and with the first of all also the users; how many facts."""
    world = World(scale)
    places = [place for place in world.places if place.name in names]
    written = asyncio.run(_write(topics, topics.identity, _users(world))) if world.places[0] in places else 0
    for place in places:
        partition = AUTHORITY.partition_of(place.id)
        written += asyncio.run(_write(topics, topics.authority, ((partition, each) for each in _of(world, place))))
    return written


def write_crowd(
    topics: Topics, workspace: str, group: str, users: int, version: int, present: bool, first: int | None = None
) -> int:
    """Writes memberships of a group that gives nothing: a storm, or a load.

    `first` is the version at which the same users were told of before; otherwise they are new ones.
    """
    workspace_id = uuid_of("workspace", workspace)
    edge = _edges(str(workspace_id), "group_member")
    team, partition = str(uuid_of("group", group)), AUTHORITY.partition_of(workspace_id)
    told = "true" if present else "false"
    records = (
        edge(f"gm:{team}:{user}", version + number, f'"group":"{team}","user":"{user}","present":{told}')
        for number, user in enumerate(
            f"{each:08x}-0000-4000-8000-{(first or version) % 0xFFFFFFFFFFFF:012x}" for each in range(users)
        )
    )
    return asyncio.run(_write(topics, topics.authority, ((partition, each) for each in records)))


async def _write(topics: Topics, topic: str, records: Iterable[tuple[int, Record]]) -> int:
    producer = AIOKafkaProducer(
        bootstrap_servers=topics.bootstrap,
        acks="all",
        compression_type="lz4",
        max_batch_size=_BATCH_BYTES,
        max_request_size=4 * _BATCH_BYTES,
    )
    await producer.start()
    try:
        return await _fill(producer, topic, records)
    finally:
        await producer.stop()


async def _fill(producer: AIOKafkaProducer, topic: str, records: Iterable[tuple[int, Record]]) -> int:
    open_batches: dict[int, BatchBuilder] = {}
    sent = list[asyncio.Future[RecordMetadata]]()
    count = 0
    for partition, (key, value) in records:
        batch = open_batches.get(partition)
        if batch is None:
            batch = open_batches[partition] = producer.create_batch()
        while batch.append(timestamp=None, key=key, value=value) is None:
            sent.append(await producer.send_batch(batch, topic, partition=partition))
            if len(sent) > _IN_FLIGHT:
                await sent.pop(0)
            batch = open_batches[partition] = producer.create_batch()
        count += 1
    sent += [await producer.send_batch(each, topic, partition=at) for at, each in open_batches.items()]
    await asyncio.gather(*sent)
    return count


def _users(world: World) -> Iterator[tuple[int, Record]]:
    for number in range(world.users):
        id = uuid_of("user", f"u{number}")
        data = f'"id":"{id}","account":"u{number}","active":true'
        yield IDENTITY.partition_of(id), _record("identity.user", f"us:{id}", number + 1, data)


def _of(world: World, place: Place) -> Iterator[Record]:
    """Nodes first, then edges; versions count up."""
    workspace = str(place.id)
    users = [str(uuid_of("user", f"u{(place.first + each) % world.users}")) for each in range(place.users)]
    groups = [str(uuid_of("group", f"{place.name}-g{each}")) for each in range(place.groups)]
    projects = [str(uuid_of("project", f"{place.name}-p{each}")) for each in range(place.projects)]
    repositories = [str(uuid_of("repository", place.repository(each))) for each in range(place.repositories)]
    version = 1
    for subject, kind, data in _nodes(place, groups, projects, repositories):
        yield _record(f"scm.{kind}", subject, version, f'"workspace":"{workspace}",{data}', workspace)
        version += 1
    member, grant = _edges(workspace, "workspace_member"), _edges(workspace, "grant")
    for user in users:
        yield member(f"wm:{workspace}:{user}", version, f'"user":"{user}","role":"member"')
        version += 1
    joined = _edges(workspace, "group_member")
    for number, group in enumerate(groups):
        for each in place.members.things(number):
            yield joined(
                f"gm:{group}:{users[each]}", version, f'"group":"{group}","user":"{users[each]}","present":true'
            )
            version += 1
    for kind, nodes, spread, grantee, names in (
        ("repository", repositories, place.readers, "user", users),
        ("repository", repositories, place.teams, "group", groups),
        ("project", projects, place.project_readers, "user", users),
        ("project", projects, place.project_teams, "group", groups),
    ):
        for number, node in enumerate(nodes):
            for each in spread.things(number):
                said = f'"node":{{"kind":"{kind}","id":"{node}"}},"grantee":{{"kind":"{grantee}","id":"{names[each]}"}}'
                role = role_word(number, each)
                yield grant(f"gr:{kind}:{node}:{grantee}:{names[each]}", version, f'{said},"role":"{role}"')
                version += 1


def _nodes(
    place: Place, groups: list[str], projects: list[str], repositories: list[str]
) -> Iterator[tuple[str, str, str]]:
    yield f"ws:{place.id}", "workspace", f'"slug":"{place.name}","state":"active"'
    for number, id in enumerate(projects):
        yield f"pr:{id}", "project", f'"id":"{id}","key":"{place.name}-p{number}","state":"active"'
    for number, id in enumerate(repositories):
        said = f'"id":"{id}","project":"{projects[number % len(projects)]}","slug":"{place.repository(number)}"'
        yield f"re:{id}", "repository", f'{said},"state":"active"'
    for number, id in enumerate(groups):
        yield f"gp:{id}", "group", f'"id":"{id}","slug":"{place.name}-g{number}","state":"active"'


def _edges(workspace: str, kind: str) -> Callable[[str, int, str], Record]:
    """What writes the facts of one kind in one workspace: all that repeats is put together once."""
    head = f'{{"specversion":"1.0","id":"{kind}-'
    middle = f'","source":"/bench","time":"2026-11-24T00:00:00Z","type":"dev.moorage.scm.{kind}.set.v1","subject":"'
    key = f'","partitionkey":"ws:{workspace}","data":{{"workspace":"{workspace}","version":'

    def record(subject: str, version: int, data: str) -> Record:
        return subject.encode(), f'{head}{version}{middle}{subject}{key}{version},"by":"bridge",{data}}}}}'.encode()

    return record


def _record(kind: str, subject: str, version: int, data: str, workspace: str = "") -> Record:
    key = f'"partitionkey":"ws:{workspace}",' if workspace else ""
    text = (
        f'{{"specversion":"1.0","id":"{kind}-{version}","source":"/bench","time":"2026-11-24T00:00:00Z",'
        f'"type":"dev.moorage.{kind}.set.v1","subject":"{subject}",{key}"data":{{"version":{version},{data}}}}}'
    )
    return subject.encode(), text.encode()
