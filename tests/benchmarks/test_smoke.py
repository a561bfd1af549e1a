"""The bench still works: every workload once, tiny, at the product alone; no figure is looked at."""

from pathlib import Path

import pytest
from bench.command import ALONE, Order, measure
from bench.record import Record
from bench.report import page
from bench.sizes import Sizes
from bench.workloads.catalogue import WORKLOADS

TINY = Sizes(
    seconds=0.1,
    warm_up_seconds=0.02,
    connections=4,
    spread=4,
    tags=110,
    mounts=8,
    large_mib=1,
    large_repeats=1,
    layer_mib=1,
)
LIKE_OTHERS = {"push_image_c8", "push_image_c32", "push_layer_chunked_c4", "push_layer_put_c4"}
"""The same code at more connections, more than a busy machine of the tests can do."""


@pytest.mark.timeout(600)
def test_every_workload_runs_at_the_product(tmp_path: Path) -> None:
    """And what it measured can be kept, read again and shown."""
    chosen = [workload for workload in WORKLOADS if workload.name not in LIKE_OTHERS]
    order = Order(chosen, 1, TINY, without=ALONE, peer_program=None, folder=tmp_path, arguments="")
    record = measure(order)
    assert record.results.failures == {}
    assert record.results.samples.keys() == {workload.name for workload in chosen}
    samples = [sample for targets in record.results.samples.values() for each in targets.values() for sample in each]
    assert len(samples) == len(chosen)
    assert all(sample.operations and sample.peak_mib for sample in samples)
    assert Record.from_json(record.to_json()) == record
    assert "manifest_get_tag" in page.figures(record)
