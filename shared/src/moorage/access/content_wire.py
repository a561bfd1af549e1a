"""What the management API says of content that was deleted and can be restored."""

from datetime import datetime

from moorage.access.wire import Answer


class DeletedTagBody(Answer):
    """A tag that was deleted: what it named, who deleted it (`<kind>:<uuid>`), and until when it comes back."""

    name: str
    digest: str
    deleted_at: datetime
    deleted_by: str
    restorable_until: datetime


class ListDeletedTagsAnswer(Answer):
    """One page, by code point."""

    tags: list[DeletedTagBody]
    cursor: str | None = None


class RestoredBody(Answer):
    """What is there again; of a manifest without its tags `tag` is None."""

    image: str
    digest: str
    tag: str | None = None
