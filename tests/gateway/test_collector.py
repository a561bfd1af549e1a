"""While facts are read, the garbage collector is away, and afterwards it is there again."""

import gc

from moorage.gateway.collector import ENOUGH, Undisturbed


def test_nothing_is_collected_while_a_workspace_is_read() -> None:
    """Until the last of several loads has ended, however that is; what was read is never looked at again."""
    undisturbed, before = Undisturbed(), gc.get_freeze_count()
    try:
        with undisturbed.load():
            with undisturbed.load():
                assert not gc.isenabled()
                facts: list[list[int]] = [[] for _ in range(2 * ENOUGH)]
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() - before >= len(facts)
    finally:
        gc.unfreeze()


def test_who_has_turned_it_off_finds_it_so() -> None:
    """A load is not to turn on what somebody else turned off."""
    gc.disable()
    try:
        with Undisturbed().load():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
