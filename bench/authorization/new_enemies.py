"""A thousand times: Bob is removed, content is pushed, Bob pulls it at a gateway whose stream is frozen (§3.5)."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench.authorization.figure import Goal, at_least
from bench.authorization.progress import bar
from bench.authorization.site import Site
from faults.new_enemy import scene

SUCCESSES: Final = Goal("new_enemy_successes", "", 0)
ATTEMPTS: Final = at_least("new_enemy_attempts", "", 1000)
_ROUNDS: Final = 1000
_PER_SCENE: Final = 250
"""A gateway that hears nothing for five minutes serves nothing at all; a scene is over long before."""


async def new_enemies(site: Site) -> Mapping[Goal, float]:
    """An attempt counts if by its own facts the frozen gateway would still let Bob in."""
    rounds, successes, attempts = max(10, round(_ROUNDS * site.world.scale)), 0, 0
    with bar("new enemies", rounds) as progress:
        for first in range(0, rounds, _PER_SCENE):
            count = min(_PER_SCENE, rounds - first)
            service = await site.empty_permissions()
            try:
                with tempfile.TemporaryDirectory() as folder:
                    async with scene(service, Path(folder), count) as enemy:
                        for number in range(count):
                            known, by_tag, by_digest = await enemy.play(number)
                            attempts += known == 200
                            successes += 200 in (by_tag, by_digest)
                            progress.step()
            finally:
                await service.kill()
    return {SUCCESSES: successes, ATTEMPTS: attempts}
