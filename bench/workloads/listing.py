"""Pages of tags."""

import random
from collections.abc import Sequence
from typing import Final

from bench.client import Client
from bench.engine.message import Request
from bench.load import Load
from bench.names import TAGS
from bench.sample import Sample
from bench.workloads.loops import closed
from bench.workloads.seeding import seed_tags, tag_name

PAGE: Final = 100
_CHOICES: Final = 200


def tags_page(load: Load) -> Sample:
    """A random page of 100 of all tags. Distribution 2.8 ignores `n` and answers with all that follow."""
    seed_tags(load)
    return closed(load, lambda client: _pages(client, load.sizes.tags))


def _pages(client: Client, tags: int) -> Sequence[Request]:
    chance = random.Random(3)
    starts = (chance.randrange(max(1, tags - PAGE - 1)) for _ in range(_CHOICES))
    return [client.tags(TAGS, tag_name(start), PAGE) for start in starts]
