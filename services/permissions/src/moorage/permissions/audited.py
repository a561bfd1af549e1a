"""Records of the audit trail about what permissions itself decides: changes, and questions from outside (§4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.access.audit import AuditRecord, Deed, Mode
from moorage.access.consistency import ConsistencyToken
from moorage.access.decision import Decision
from moorage.access.reason import Reason
from moorage.access.role import Role
from moorage.access.wire import IdentityBody
from moorage.permissions.ports import Change
from moorage.permissions.records import Image, Workspace

_MOST_CHARACTERS: Final = 255


@dataclass(frozen=True, slots=True)
class About:
    """What a decision is about: the name asked for, and what it meant, as far as that is known."""

    name: str
    workspace: UUID | None = None
    image: UUID | None = None

    @classmethod
    def of_image(cls, image: Image) -> "About":
        """An image that is there."""
        return cls(f"{image.workspace_slug}/{image.record.name}", image.record.workspace, image.record.id)

    @classmethod
    def of_workspace(cls, workspace: Workspace) -> "About":
        """A workspace as a whole."""
        return cls(workspace.slug, workspace.id)


async def audited(
    change: Change,
    who: IdentityBody,
    deed: Deed,
    about: About,
    decided_at: ConsistencyToken,
    now: datetime,
    said: Mapping[str, object] | None = None,
) -> UUID:
    """Appends that `who` was let do the deed to the change that does it: one is kept exactly if the other is.

    `decided_at` is the position before the change, `said` what it sets. Answers the id of the record.
    """
    made = record(who, deed, about, Decision(Reason.OK, Role.ADMIN, True, decided_at), now, said)
    await change.audit.keep([made])
    return made.decision


def record(
    who: IdentityBody,
    deed: Deed,
    about: About,
    decision: Decision,
    now: datetime,
    said: Mapping[str, object] | None = None,
) -> AuditRecord:
    """The record of a decision at head."""
    made = AuditRecord.of(who.value(), deed, decision, now, Mode.AUTHORITY)
    words = {key: kept(str(value)) for key, value in (said or {}).items() if value is not None}
    known = {"name": kept(about.name), "workspace": about.workspace, "image": about.image}
    return made.model_copy(update={**known, "via": who.via, "staleness_ms": 0, "change": words})


def kept(text: str) -> str:
    """The text as far as the trail can keep it: PostgreSQL has no NUL, and nobody fills the trail with a long name."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()[:_MOST_CHARACTERS]
