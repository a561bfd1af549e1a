"""The project stands alone: what code and tests cite of the design is in docs/design."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
DESIGN: Final = ROOT / "docs" / "design"
RULE: Final = re.compile(r"\bR(\d{1,3})(?:[-\u2013]R?(\d{1,3}))?\b")
SECTION: Final = re.compile(r"\b(authorization|protocol|architecture)\.md,? §(\d+(?:\.\d+)?)")


def _sources() -> Iterator[Path]:
    for folder in ("services", "shared", "tests"):
        yield from (ROOT / folder).rglob("*.py")


def _rules_cited(text: str) -> Iterator[int]:
    for first, last in RULE.findall(text):
        yield from range(int(first), int(last or first) + 1)


@pytest.fixture(scope="module")
def described() -> set[int]:
    """The rules that docs/design/rules.md gives a line to."""
    text = (DESIGN / "rules.md").read_text(encoding="utf-8")
    return {int(number) for number in re.findall(r"^- \*\*R(\d+)\*\*", text, re.MULTILINE)}


def test_every_rule_that_code_cites_is_described(described: set[int]) -> None:
    """A reader of `R26` finds it without the documents we learnt from."""
    cited = {number for source in _sources() for number in _rules_cited(source.read_text(encoding="utf-8"))}
    assert sorted(cited - described) == []


def test_every_section_that_code_cites_exists() -> None:
    """`authorization.md §1.7` leads to a heading of that number."""
    missing = set()
    for source in _sources():
        for document, section in SECTION.findall(source.read_text(encoding="utf-8")):
            text = (DESIGN / f"{document}.md").read_text(encoding="utf-8")
            if not re.search(rf"^#+ {re.escape(section)}\.? |^{section}\. ", text, re.MULTILINE):
                missing.add(f"{document}.md §{section} in {source.relative_to(ROOT)}")
    assert sorted(missing) == []
