"""What is told of a workspace to people who wait for it, in memory."""

from moorage.permissions.memory.state import State
from moorage.permissions.reconcile_stores import RunState
from moorage.permissions.sync_facts import SyncFacts


class MemorySync:
    """See SyncReader."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def of(self, workspace: int) -> SyncFacts:
        """Its newest event, how many of its records could not be applied, and whether a sweep is held."""
        holding = {pin.letter for (ws, _), pin in self._state.pins.items() if ws == workspace and pin.letter}
        letters = [id for id in holding if self._state.letters[id - 1].letter.reason != "epoch"]
        held = any(run.workspace == workspace and run.state is RunState.HELD for run in self._state.runs.values())
        return SyncFacts(self._state.newest.get(workspace), len(letters), held)
