"""Refusals of the management and internal APIs, as RFC 9457 problems with stable `type` URIs."""

from typing import Any
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.access.reason import Reason


class Problem(Exception):
    """A refusal: which kind, in words, with its HTTP status. Subclasses are the kinds; `slug` ends the type URI."""

    slug: str = "internal"
    status: int = 500
    title: str = "Something went wrong"

    def __init__(self, detail: str, /, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members
        self.decision: UUID | None = None
        """The record of the decision in the audit trail; told in a header, not in the document."""
        self.position: ConsistencyToken | None = None
        """Where it was decided, for the record; told to nobody."""
        self.judged: Reason | None = None
        """What the rules said, for the record: the document may say less."""

    @classmethod
    def uri(cls) -> str:
        """The stable URI of the kind."""
        return f"https://moorage.dev/problems/{cls.slug}"

    def body(self) -> dict[str, Any]:
        """The problem document."""
        return {
            "type": self.uri(),
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }


class InputInvalid(Problem):
    """The request breaks the schema; `errors` lists where."""

    slug, status, title = "input-invalid", 422, "The request is not valid"


class CredentialUnknown(Problem):
    """No active credential has this secret."""

    slug, status, title = "credential-unknown", 401, "The credential is not known"


class Forbidden(Problem):
    """The principal may not do this; `reason` is of the closed list."""

    slug, status, title = "forbidden", 403, "This is not allowed"


class NotFound(Problem):
    """Nothing of this name is available to who asks."""

    slug, status, title = "not-found", 404, "Nothing of this name is available to you"


class AlreadyExists(Problem):
    """The name is taken."""

    slug, status, title = "already-exists", 409, "The name is taken"


class BatchInFlight(Problem):
    """Another batch of this source is being applied (H1)."""

    slug, status, title = "batch-in-flight", 409, "Another batch of this source is being applied"


class PositionGone(Problem):
    """The asked position of the change stream is older than what is kept, or of another epoch: take a snapshot."""

    slug, status, title = "position-gone", 410, "The position is no longer kept"


class BodyTooLarge(Problem):
    """The body is larger than the limit of the route."""

    slug, status, title = "body-too-large", 413, "The body is too large"


class FactsRefused(Problem):
    """A batch of a manual source had invalid lines; nothing was applied (H4). `refused` lists them."""

    slug, status, title = "facts-refused", 422, "The batch was refused"


class TooManyRequests(Problem):
    """A limit on the rate of requests was reached; try again after `Retry-After` seconds."""

    slug, status, title = "too-many-requests", 429, "Too many requests"


class ServiceUnavailable(Problem):
    """What is needed to answer can't be reached; try again after `Retry-After` seconds."""

    slug, status, title = "unavailable", 503, "The service can't answer right now"


KINDS: dict[str, type[Problem]] = {
    kind.slug: kind
    for kind in (
        InputInvalid,
        CredentialUnknown,
        Forbidden,
        NotFound,
        AlreadyExists,
        BatchInFlight,
        PositionGone,
        BodyTooLarge,
        FactsRefused,
        TooManyRequests,
        ServiceUnavailable,
    )
}


def parse(document: dict[str, Any]) -> Problem:
    """The problem that a document says; an unknown kind is a plain Problem."""
    slug = str(document.get("type", "")).rsplit("/", 1)[-1]
    members = {k: v for k, v in document.items() if k not in ("type", "title", "status", "detail")}
    problem = KINDS.get(slug, Problem)(str(document.get("detail", "")), **members)
    status = document.get("status")
    problem.status = status if isinstance(status, int) and 400 <= status <= 599 else problem.status
    return problem
