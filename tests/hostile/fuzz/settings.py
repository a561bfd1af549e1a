"""How much is sent in a run, and from which seed on; both can be told by the environment."""

import os
from typing import Final

SEED: Final = int(os.environ.get("MOORAGE_FUZZ_SEED", "20261130"))
REQUESTS: Final = int(os.environ.get("MOORAGE_FUZZ_REQUESTS", "20000"))
MANIFESTS: Final = int(os.environ.get("MOORAGE_FUZZ_MANIFESTS", "5000"))
TOKENS: Final = int(os.environ.get("MOORAGE_FUZZ_TOKENS", "2000"))
AT_ONCE: Final = 30
"""Requests at the same time."""
FUZZ_SECONDS: Final = 900
"""Of a test that sends so much, on a machine that has much else to do; each request has its own bound."""
