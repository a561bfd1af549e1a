"""Which servers run when: peer and product all the time, others only while a workload needs them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final

from bench.content import Content
from bench.floor.server import APPLICATION, RECEIVER, application, receiver
from bench.load import Load
from bench.peer.registry import LABEL as PEER
from bench.peer.registry import peer
from bench.product.registry import LABEL as OURS
from bench.product.registry import product
from bench.serving import Target
from bench.sizes import Sizes
from bench.workloads.catalogue import TWO_WORKERS

_LASTING: Final = (PEER, OURS)


class Site:
    """Starts targets at first use."""

    def __init__(self, folder: Path, sizes: Sizes, peer_program: Path | None) -> None:
        self._folder, self._sizes, self._peer_program = folder, sizes, peer_program
        self._content = Content(sizes)
        self._lasting = ExitStack()
        self._loads: dict[str, Load] = {}
        self.versions: dict[str, str] = {}

    def __enter__(self) -> "Site":
        return self

    def __exit__(self, *_: object) -> None:
        self._lasting.close()
        self._content.close()

    @contextmanager
    def loads(self, labels: Sequence[str]) -> Iterator[list[Load]]:
        """One for each label, in order. Raises PeerMissing, RuntimeError if a server does not come up."""
        with ExitStack() as passing:
            yield [self._load(label, passing) for label in labels]

    def _load(self, label: str, passing: ExitStack) -> Load:
        if label not in _LASTING:
            return self._started(label, passing)
        if label not in self._loads:
            self._loads[label] = self._started(label, self._lasting)
        return self._loads[label]

    def _started(self, label: str, stack: ExitStack) -> Load:
        target = stack.enter_context(self._starters()[label](self._folder / label.replace(", ", "-").replace(" ", "-")))
        self.versions[label] = target.version
        return Load(target, self._content, self._sizes)

    def _starters(self) -> dict[str, Callable[[Path], AbstractContextManager[Target]]]:
        return {
            PEER: lambda folder: peer(folder, self._peer_program),
            OURS: product,
            TWO_WORKERS: lambda folder: product(folder, workers=2),
            APPLICATION: application,
            RECEIVER: receiver,
        }
