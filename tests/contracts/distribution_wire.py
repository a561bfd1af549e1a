"""What every server of the distribution API promises to a caller who may do everything (and the conformance cases)."""

import pytest

from contracts.wire_blobs import BlobWire
from contracts.wire_client import WireRegistry
from contracts.wire_lists import ListWire
from contracts.wire_manifests import ManifestWire
from contracts.wire_uploads import UploadWire


class DistributionWireContract(BlobWire, UploadWire, ManifestWire, ListWire):
    """Run against storage, the gateway and the standalone process. A subclass provides the fixture."""

    @pytest.fixture
    def registry(self) -> WireRegistry:
        """A running registry; its two images hold nothing yet."""
        raise NotImplementedError
