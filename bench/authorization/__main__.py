"""Starts the measurement with the tests' servers and scenes within reach."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))
    from bench.authorization.command import main

    main()
