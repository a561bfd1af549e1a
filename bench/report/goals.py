"""What the figures should be: ratios to the peer of the same run, by its major version, and to the floors."""

from dataclasses import dataclass
from typing import Final

from bench.floor.server import APPLICATION, RECEIVER
from bench.peer.registry import LABEL as PEER
from bench.product.registry import LABEL as OURS
from bench.report.measure import CPU, MB_PER_CPU_SECOND, MB_PER_SECOND, P99, PEAK, RATE, Measure
from bench.workloads.catalogue import TWO_WORKERS


@dataclass(frozen=True, slots=True)
class Goal:
    """One row: `times` better than the reference a figure of ours has to be.

    `must_2` is the gate against Distribution 2.8.2, `must` and `stretch` those against Distribution 3 and against all
    that is not the peer. `ceiling` is an absolute one, in the measure's unit, with its own stretch; None: no such goal.
    """

    name: str
    workload: str
    measure: Measure = CPU
    must_2: float | None = None
    must: float | None = None
    stretch: float | None = None
    ours: str = OURS
    reference: str = PEER
    ceiling: float | None = None
    ceiling_stretch: float | None = None


AGAINST_PEER: Final = (
    Goal("GET /v2/", "ping", CPU, 12, 5, 10),
    Goal("manifest HEAD by tag", "manifest_head_tag", CPU, 15, 6, 15),
    Goal("manifest GET by tag", "manifest_get_tag", CPU, 15, 6, 15),
    Goal("manifest GET by digest", "manifest_get_digest", CPU, 15, 6, 15),
    Goal("blob HEAD", "blob_head", CPU, 15, 5, 12),
    Goal("blob GET, 2 KiB", "blob_get_small", CPU, 25, 12, 30),
    Goal("pull image", "pull_image", CPU, 15, 8, 16),
    Goal("push image, 8 connections", "push_image_c8", CPU, 4, 3, 5),
    Goal("push image, 8 connections", "push_image_c8", RATE, 4, 2.5, 4),
    Goal("push {layer} MiB, by length", "push_layer_c1", MB_PER_CPU_SECOND, 2, 1.2, 1.6),
    Goal("push {layer} MiB, chunked", "push_layer_chunked_c1", MB_PER_CPU_SECOND, 2, 1.0, 1.4),
    Goal("push {layer} MiB, by length, 1 connection", "push_layer_c1", MB_PER_SECOND, 1.5, 1.1, 1.4),
    Goal("GET {large} MiB, 4 connections", "blob_get_large_c4", MB_PER_CPU_SECOND, 1.4, 1.15, 1.4),
    Goal("tags, page of 100 in {tags:,}", "tags_page", CPU, 30, 25, 100),
    Goal("mount", "mount", CPU, 3.5, 1.8, 4),
    Goal("p99 of manifest GET, 16 connections, equal load", "manifest_get_paced", P99, 10, 5, 20),
)
ALONE: Final = (
    Goal(
        "peak memory of a process, four times {layer} MiB pushed",
        "push_layer_c4",
        PEAK,
        ceiling=120,
        ceiling_stretch=80,
    ),
    Goal("the same, four times {eighth} MiB", "push_layer_eighth_c4", PEAK),
    Goal(
        "manifest GET by tag, share of a bare aiohttp application", "manifest_get_tag", must=0.5, reference=APPLICATION
    ),
    Goal(
        "push {layer} MiB, share of a bare receiver", "push_layer_c1", MB_PER_CPU_SECOND, must=0.75, reference=RECEIVER
    ),
    Goal("manifest GET by tag, two workers instead of one", "two_workers", RATE, ours=TWO_WORKERS, reference=OURS),
)
