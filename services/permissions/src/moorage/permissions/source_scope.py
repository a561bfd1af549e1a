"""What a declared source may speak of (authorization.md §2.5)."""

from moorage.events.decoding import Fact
from moorage.permissions.records import Source


def may_say(source: Source, fact: Fact) -> bool:
    """Whether the source is the authority for this fact's type and workspace."""
    spec = source.spec
    if spec.event_source is not None and fact.event.source != spec.event_source:
        return False
    if spec.types is not None and fact.event.type not in spec.types:
        return False
    return spec.workspaces is None or fact.workspace is None or fact.workspace in spec.workspaces
