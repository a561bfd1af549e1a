"""Who may import whom is a failing build, not a plea."""

import configparser
from pathlib import Path

from importlinter.api import read_configuration
from importlinter.application.use_cases import SUCCESS, lint_imports

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT / ".importlinter"


def test_every_import_contract_is_kept() -> None:
    """Services stay apart, rules stay pure, handlers know no SQL; the report above says which import breaks it."""
    assert read_configuration(str(CONTRACTS))["contracts_options"]
    assert lint_imports(config_filename=str(CONTRACTS), cache_dir=None) == SUCCESS


def test_every_part_is_under_contract() -> None:
    """A new part is named among the root packages, else no contract sees it."""
    parser = configparser.ConfigParser()
    parser.read(CONTRACTS, encoding="utf-8")
    named = set(parser["importlinter"]["root_packages"].split())
    parts = [part for source in ROOT.glob("*/src/moorage") for part in source.iterdir()]
    parts += [part for source in ROOT.glob("services/*/src/moorage") for part in source.iterdir()]
    assert named == {f"moorage.{part.name}" for part in parts if (part / "__init__.py").is_file()}
