"""Runs the matrix and writes what it saw: `PYTHONPATH=tests .venv/bin/python -m clients docs/clients.md`."""

import sys
from pathlib import Path

import pytest

from clients.matrix import cells_of
from clients.table import page
from servers.clients import ALL


class Results:
    """A plugin of pytest that hears of every cell."""

    def __init__(self) -> None:
        self.passed: set[str] = set()
        self.versions: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of one test."""
        if report.when == "call" and report.passed and report.nodeid.endswith("]"):
            cell = report.nodeid.partition("[")[2].removesuffix("]")
            self.passed.add(cell)
            if told := dict(report.user_properties).get("version"):
                self.versions[cell.partition("-")[0]] = str(told)


def main(target: Path) -> None:
    """Writes the page if every cell is green; a cell that was skipped is not."""
    results = Results()
    modules = sorted(str(module) for module in Path(__file__).parent.glob("test_*.py") if module.stem != "test_page")
    # That we are imported before pytest could rewrite our assertions costs nothing but their details.
    pytest.main(["-q", "-W", "ignore::pytest.PytestAssertRewriteWarning", *modules], plugins=[results])
    missing = {str(cell) for client in ALL for cell in cells_of(client)} - results.passed
    if missing:
        sys.exit(f"nothing is written, for these are not green: {', '.join(sorted(missing))}")
    target.write_text(page(results.versions), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
