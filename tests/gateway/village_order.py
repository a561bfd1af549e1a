"""The order of what is true in the village, told row by row, and the stream to follow it. Faults are methods."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid4, uuid5

from moorage.access import wire
from moorage.access.audit import AuditRecord
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Beat, Delta, Frame, ImageRow, Reset, Row, RowKind, Snapshot
from moorage.access.image import PushPolicy, Visibility
from moorage.access.packed import Packed, unpack
from moorage.access.packing import pack
from moorage.access.principal import ALL_SCOPES, Identity, Principal, PrincipalKind, Scope
from moorage.access.problems import (
    PositionGone,
    ServiceUnavailable,
)
from moorage.access.publisher_body import PublisherBody
from moorage.access.role import Membership, Role
from moorage.access.secrets import SecretKind, mint_secret
from moorage.access.sums import WorkspaceSum, sum_of
from moorage.access.sync_wire import FleetAnswer, FleetReport
from moorage.gateway.replica.replica import Replica
from moorage.runtime.clock import Clock

WORKSPACE = "acme"
EPOCH = 7


def identifier(name: str) -> UUID:
    """The UUID that stands for a named thing."""
    return uuid5(NAMESPACE_DNS, f"{name}.village.test")


class Order:
    """Implements AuthorityFeed for one workspace, with whatever a test puts there."""

    def __init__(self, clock: Clock, *, allow_public: bool = True) -> None:
        self.clock = clock
        self.epoch = EPOCH
        self.rows: list[Row] = []
        self.floor = 0
        self.away = False
        self.stream_away = False
        self.frozen = False
        self.silent = False
        self.behind = 0
        self.turned_away = 0
        self.owners: set[str] = set()
        self.questions: list[str] = []
        self.fleet: dict[UUID, FleetReport] = {}
        self.audited: dict[UUID, AuditRecord] = {}
        self.secrets: dict[str, tuple[Identity, str]] = {}
        self.images: dict[UUID, wire.ImageBody] = {}
        self.deleted: dict[UUID, wire.ImageBody] = {}
        self.purging: list[UUID] = []
        self.unpushed_images: list[UUID] = []
        self.tokens: dict[UUID, wire.TokenBody] = {}
        self._aliases: dict[str, int] = {}
        self._moved = asyncio.Event()
        self._head = Replica(self.epoch, 0)
        self._tell(self._intern("ws", WORKSPACE, "workspace", 0))
        self.tell_workspace(allow_public=allow_public)
        self._head.expect(identifier(f"ws:{WORKSPACE}"))
        self._head.adopt(identifier(f"ws:{WORKSPACE}"), Snapshot(epoch=self.epoch, seq=len(self.rows), rows=[]))

    # What is true

    @property
    def position(self) -> ConsistencyToken:
        """The end of the order."""
        return ConsistencyToken(self.epoch, len(self.rows))

    def tell_workspace(self, *, allow_public: bool = True, state: int = 1) -> None:
        """The workspace's settings and state."""
        extra = {"slug": WORKSPACE, "allow_public": allow_public, "default_push_policy": "repository_write"}
        self._tell((RowKind.WORKSPACE, 0, self._aliases[f"ws:{WORKSPACE}"], 0, state, 1, extra))

    def repository(self, slug: str, *, archived: bool = False) -> None:
        """A repository, active or archived."""
        alias = self._alias("re", slug, "repository")
        extra = {"kind": "repository", "slug": slug}
        self._tell((RowKind.NODE, self._home, alias, 0, 2 if archived else 1, 1, extra))

    def user(self, name: str, *, active: bool = True) -> Identity:
        """A user, and the identity that a token without limits has."""
        alias = self._alias("us", name, "user", home=0)
        self._tell((RowKind.PRINCIPAL, 0, alias, 0, int(active), 1, {"account": name}))
        return Identity(Principal(PrincipalKind.USER, identifier(f"us:{name}")))

    def grant(self, name: str, slug: str, role: Role) -> None:
        """A user's role on a repository."""
        who, what = self._alias("us", name, "user", home=0), self._alias("re", slug, "repository")
        self._tell((RowKind.USER_REPOSITORY, self._home, who, what, int(role), 1))

    def member(self, name: str, membership: Membership) -> None:
        """What the workspace calls a user."""
        if membership is Membership.OWNER:
            self.owners.add(name)
        self._tell((RowKind.WORKSPACE_ROLE, self._home, self._alias("us", name, "user", home=0), 0, int(membership), 1))

    def token(self, name: str, scopes: frozenset[Scope] = ALL_SCOPES, expires: datetime | None = None) -> str:
        """The secret of a new personal token."""
        credential = uuid4()
        alias = self._alias("cr", str(credential), "credential", home=0, id=credential)
        self._tell((RowKind.CREDENTIAL, 0, alias, self._aliases[f"us:{name}"], 1, 1, {"expires": None}))
        secret = mint_secret(SecretKind.PERSONAL)
        user = identifier(f"us:{name}")
        self.secrets[secret] = (
            Identity(Principal(PrincipalKind.USER, user), credential, scopes, expires=expires),
            name,
        )
        self.tokens[credential] = wire.TokenBody(
            id=credential,
            name=name,
            user=user,
            account=name,
            scopes=scopes,
            created_at=self.clock.now(),
            expires=expires,
            revoked=False,
        )
        return secret

    def revoke(self, credential: UUID) -> None:
        """Ends a credential."""
        self._tell((RowKind.CREDENTIAL, 0, self._aliases[f"cr:{credential}"], 0, 0, 1, {"expires": None}))
        self.secrets = {s: known for s, known in self.secrets.items() if known[0].credential != credential}

    def image(
        self,
        name: str,
        slug: str,
        visibility: Visibility = Visibility.INHERIT,
        push_policy: PushPolicy = PushPolicy.REPOSITORY_WRITE,
        link_gen: int = 1,
        publishers: Sequence[PublisherBody] = (),
        admin_override: bool = False,
    ) -> wire.ImageBody:
        """A record, new or changed. The next one of a name that a deleted one has borne is another."""
        id = self.image_id(name)
        says = ImageRow(
            name=name,
            visibility=visibility,
            push_policy=push_policy,
            state="active",
            link_gen=link_gen,
            acl_seq=len(self.rows) + 1,
            publishers=list(publishers),
            admin_override=admin_override,
        )
        alias = self._alias("im", str(id), "image", id=id)
        self._tell(
            (
                RowKind.IMAGE,
                self._home,
                alias,
                self._alias("re", slug, "repository"),
                1,
                1,
                says.model_dump(mode="json"),
            )
        )
        body = wire.ImageBody(
            id=id,
            name=f"{WORKSPACE}/{name}",
            workspace=WORKSPACE,
            workspace_id=identifier(f"ws:{WORKSPACE}"),
            repository=identifier(f"re:{slug}"),
            repository_slug=slug,
            visibility=visibility,
            push_policy=push_policy,
            state="active",
            link_gen=link_gen,
            acl_seq=len(self.rows),
            created_at=self.clock.now(),
            publishers=list(publishers),
            admin_override=admin_override,
            token=str(self.position),
        )
        self.images[id] = body
        return body

    def image_id(self, name: str) -> UUID:
        """What the image of this name is, or would be."""
        bore = sum(each.name == f"{WORKSPACE}/{name}" for each in self.deleted.values())
        return identifier(f"im:{name}" if not bore else f"im:{name}.{bore}")

    def unknown_row(self) -> None:
        """A row of a kind that does not exist yet."""
        self._tell((99, 0, 1, 2, 3, 4))

    def restore(self) -> None:
        """History is rewritten: a new epoch."""
        self.epoch += 1
        self._wake()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def thaw(self) -> None:
        """The stream flows again."""
        self.frozen = False
        self._wake()

    def break_stream(self) -> None:
        """Open streams break off."""
        self.stream_away = True
        self._wake()

    # AuthorityFeed

    async def report(self, report: FleetReport) -> FleetAnswer:
        """See AuthorityFeed."""
        if self.away or self.stream_away or self.silent:
            raise ServiceUnavailable("permissions can't be reached")
        self.fleet[report.gateway] = report
        return FleetAnswer(head=str(self.position), minimum=report.applied)

    async def snapshot(self, workspace: UUID | None, at_least: ConsistencyToken | None = None) -> Packed:
        """See AuthorityFeed."""
        if self.stream_away:
            raise ServiceUnavailable("permissions can't be reached")
        self.questions.append("snapshot" if workspace is None else "workspace snapshot")
        return self._packed(0 if workspace is None else self._home)

    async def sum(self, workspace: UUID) -> WorkspaceSum:
        """See AuthorityFeed."""
        if self.stream_away:
            raise ServiceUnavailable("permissions can't be reached")
        self.questions.append("sum")
        return WorkspaceSum(epoch=self.epoch, seq=len(self.rows), sum=sum_of(self._packed(self._home)))

    def _packed(self, home: int) -> Packed:
        rows = [row for row in self.rows if row[1] == home]
        return unpack(pack(Snapshot(epoch=self.epoch, seq=len(self.rows), rows=rows), home))

    async def changes(self, after: ConsistencyToken) -> AsyncIterator[Frame]:
        """See AuthorityFeed. A beat whenever there is nothing else to say."""
        if self.stream_away:
            self.turned_away += 1
            raise ServiceUnavailable("permissions can't be reached")
        if after.epoch != self.epoch or after.seq < self.floor:
            raise PositionGone("this position is no longer kept; take a snapshot")
        seq, epoch = after.seq, self.epoch
        while not self.stream_away:
            moved = self._moved
            if epoch != self.epoch:
                yield Reset(epoch=self.epoch, reason="restored")
                return
            if not self.frozen:
                rows = self.rows[seq : len(self.rows) - self.behind]
                if rows:
                    yield Delta(epoch=epoch, first=seq, last=seq + len(rows), t=self._t, rows=rows)
                    seq += len(rows)
                yield Beat(epoch=epoch, head=len(self.rows), t=self._t)
            await moved.wait()
        raise ServiceUnavailable("the stream broke off")

    def beat(self) -> None:
        """Streams that are not frozen send a beat."""
        self._wake()

    # How it works

    @property
    def _home(self) -> int:
        return self._aliases[f"ws:{WORKSPACE}"]

    @property
    def _t(self) -> int:
        return int(self.clock.now().timestamp() * 1000)

    def _asked(self, question: str) -> None:
        self.questions.append(question)
        if self.away:
            raise ServiceUnavailable("permissions can't be reached")

    def _alias(self, prefix: str, name: str, kind: str, home: int | None = None, id: UUID | None = None) -> int:
        if f"{prefix}:{name}" not in self._aliases:
            self._tell(self._intern(prefix, name, kind, self._home if home is None else home, id))
        return self._aliases[f"{prefix}:{name}"]

    def _intern(self, prefix: str, name: str, kind: str, home: int, id: UUID | None = None) -> Row:
        alias = self._aliases[f"{prefix}:{name}"] = len(self._aliases) + 1
        extra: dict[str, Any] = {"kind": kind, "uuid": str(id or identifier(f"{prefix}:{name}"))}
        return (RowKind.INTERN, home, alias, 0, 0, 0, extra)

    def _tell(self, row: Row) -> None:
        self._head.apply(Delta(epoch=self._head.epoch, first=len(self.rows), last=len(self.rows) + 1, t=0, rows=[row]))
        self.rows.append(row)
        self._wake()


def beginning() -> datetime:
    """When tests begin."""
    return datetime(2026, 11, 24, 10, tzinfo=UTC)
