"""All workloads: what each target does in it, and which belong to a plain run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.floor.server import APPLICATION, RECEIVER
from bench.load import Load
from bench.peer.registry import LABEL as PEER
from bench.product.registry import LABEL as OURS
from bench.sample import Sample
from bench.workloads import large, listing, pushing, reading
from bench.workloads.floors import bare_get, bare_receive
from bench.workloads.large import Way

Run = Callable[[Load], Sample]
TWO_WORKERS: Final = f"{OURS}, 2 workers"


@dataclass(frozen=True, slots=True)
class Workload:
    """`runs` says who takes part, in order; `agree` is done once with all of them before the first round."""

    name: str
    runs: Mapping[str, Run]
    agree: Callable[[Sequence[Load]], None] | None = None
    plain: bool = True


def _both(name: str, run: Run, *, plain: bool = True) -> Workload:
    return Workload(name, {PEER: run, OURS: run}, plain=plain)


WORKLOADS: Final = (
    _both("ping", reading.ping),
    _both("manifest_head_tag", reading.manifest_head_tag),
    Workload(
        "manifest_get_tag", {PEER: reading.manifest_get_tag, OURS: reading.manifest_get_tag, APPLICATION: bare_get}
    ),
    _both("manifest_get_digest", reading.manifest_get_digest),
    Workload(
        "manifest_get_paced",
        {PEER: reading.manifest_get_paced, OURS: reading.manifest_get_paced},
        agree=reading.agree_on_rate,
    ),
    _both("blob_head", reading.blob_head),
    _both("blob_get_small", reading.blob_get_small),
    _both("pull_image", reading.pull_image),
    _both("blob_get_large_c1", large.blob_get_large(1)),
    _both("blob_get_large_c4", large.blob_get_large(4)),
    _both("push_image_c1", pushing.push_image(1)),
    _both("push_image_c8", pushing.push_image(8)),
    _both("push_image_c32", pushing.push_image(32)),
    Workload(
        "push_layer_c1",
        {PEER: large.push_layer(Way.LENGTH, 1), OURS: large.push_layer(Way.LENGTH, 1), RECEIVER: bare_receive},
    ),
    _both("push_layer_eighth_c4", large.push_layer(Way.LENGTH, 4, share=8)),
    _both("push_layer_c4", large.push_layer(Way.LENGTH, 4)),
    _both("push_layer_chunked_c1", large.push_layer(Way.CHUNKED, 1)),
    _both("push_layer_chunked_c4", large.push_layer(Way.CHUNKED, 4), plain=False),
    _both("push_layer_put_c1", large.push_layer(Way.PUT, 1)),
    _both("push_layer_put_c4", large.push_layer(Way.PUT, 4), plain=False),
    _both("tags_page", listing.tags_page),
    _both("mount", pushing.mount),
    Workload("two_workers", {OURS: reading.manifest_get_tag, TWO_WORKERS: reading.manifest_get_tag}),
)
