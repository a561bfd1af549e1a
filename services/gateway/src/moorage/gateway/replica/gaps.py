"""What a replica lacks: a frame between two, a row that can be read, or a workspace that may be decided from."""

from uuid import UUID


class GapInStream(Exception):
    """A frame does not begin where the last one ended, and the replica must be taken anew."""


class RowUnreadable(GapInStream):
    """A row breaks the contract: what was applied of its frame may not be served."""


class NotServed(Exception):
    """Nothing may be decided now: a frame about everybody is half applied."""


class WorkspaceNotLoaded(NotServed):
    """The workspace's facts are not here (yet), or not whole at this moment; `workspace` says which one."""

    def __init__(self, workspace: UUID) -> None:
        super().__init__(str(workspace))
        self.workspace = workspace
