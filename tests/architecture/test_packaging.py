"""One distribution, one namespace, six places: what makes that work, and nothing that breaks it quietly."""

import importlib
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PORTIONS = [ROOT / portion for portion in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]
PARTS = sorted(
    part for portion in PORTIONS for part in portion.iterdir() if part.is_dir() and part.name != "__pycache__"
)
REQUIREMENTS = sorted((ROOT / "deploy" / "requirements").glob("*.txt"))


def name_of(path: Path) -> str:
    """A short id for a path of the checkout."""
    return str(path.relative_to(ROOT))


def modules() -> list[str]:
    """Every module of the product, by its dotted name."""
    names = []
    for portion in PORTIONS:
        for file in sorted(portion.rglob("*.py")):
            dotted = file.relative_to(portion.parent).with_suffix("").parts
            names.append(".".join(dotted[:-1] if dotted[-1] == "__init__" else dotted))
    return names


@pytest.mark.parametrize("portion", PORTIONS, ids=name_of)
def test_no_portion_claims_the_namespace(portion: Path) -> None:
    """An `__init__.py` there would hide the other parts in an editable install."""
    assert not (portion / "__init__.py").exists()


def test_every_portion_is_built_and_found_in_development_mode() -> None:
    """The wheel and the editable install know the same places, and no place is missing."""
    build = PROJECT["tool"]["hatch"]["build"]
    places = sorted(ROOT.glob("services/*/src/moorage")) + sorted(ROOT.glob("shared/src/moorage"))
    assert sorted(PORTIONS) == sorted(places)
    assert sorted(ROOT / place for place in build["dev-mode-dirs"]) == sorted(portion.parent for portion in PORTIONS)


@pytest.mark.parametrize("part", PARTS, ids=name_of)
def test_every_part_is_typed_and_documented(part: Path) -> None:
    """Checkers of other projects see our types, and `__init__.py` says in a line what the part is for."""
    assert (part / "py.typed").is_file()
    assert (part / "__init__.py").read_text(encoding="utf-8").startswith('"""')


@pytest.mark.parametrize("part", PARTS, ids=name_of)
def test_every_package_is_a_package(part: Path) -> None:
    """Each folder with modules has an `__init__.py`, else the wheel and tools disagree about it."""
    folders = {file.parent for file in part.rglob("*.py")}
    assert [name_of(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_mypy_reads_every_portion() -> None:
    """A root that is missing there would be checked against nothing."""
    roots = PROJECT["tool"]["mypy"]["mypy_path"].split(":")
    assert {str(portion.parent.relative_to(ROOT)) for portion in PORTIONS} <= set(roots)


def test_every_module_can_be_imported_first() -> None:
    """No module works only because another one was imported before it.

    Where imports form no circle, any order works; those in one, and whoever imports them, are tried one by one.
    """
    circular = _in_circles(_needs())
    assert circular < set(modules())
    check = (
        "import importlib, pydantic, sys\n"
        "pydantic.BaseModel.model_config['defer_build'] = True\n"
        "for name in sys.argv[1:]:\n"
        "    for known in [m for m in sys.modules if m.startswith('moorage')]: del sys.modules[known]\n"
        "    importlib.import_module(name)\n"
    )
    names = [name for name in modules() if name in circular and not name.endswith("__main__")]
    done = subprocess.run([sys.executable, "-c", check, *names], capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr


def test_every_module_can_be_imported() -> None:
    """All of them, in one process that begins with none."""
    check = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    names = [name for name in modules() if not name.endswith("__main__")]
    done = subprocess.run([sys.executable, "-c", check, *names], capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr


def test_circles_are_found() -> None:
    """A circle and what rests on it, nothing else."""
    assert _in_circles({"a": {"b"}, "b": {"a"}, "c": {"a"}, "d": {"e"}, "e": set()}) == {"a", "b", "c"}


def _needs() -> dict[str, set[str]]:
    """What each module has imported before it is whole: what it names, and the packages that it lies in."""
    parts = [f"moorage.{part.name}" for part in PARTS]
    graph = grimp.build_graph(*parts, exclude_type_checking_imports=True, cache_dir=None)
    needs = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    for module in needs:
        above = module.rpartition(".")[0]
        while above in needs:
            needs[module].add(above)
            above = above.rpartition(".")[0]
    return needs


def _in_circles(needs: Mapping[str, set[str]]) -> set[str]:
    """Whatever is left when all that needs nothing (any more) has been taken away, again and again."""
    left = set(needs)
    while free := {module for module in left if not needs[module] & left}:
        left -= free
    return left


def test_the_command_is_where_the_project_says() -> None:
    """The entry point exists and is callable."""
    module, _, function = PROJECT["project"]["scripts"]["moorage"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.parametrize("file", REQUIREMENTS, ids=name_of)
def test_requirements_are_pinned_and_hashed_and_name_no_host(file: Path) -> None:
    """Indexes come from the environment of whoever installs."""
    text = file.read_text(encoding="utf-8")
    assert "://" not in text
    pinned = [line for line in text.splitlines() if line and not line.startswith((" ", "#", "-"))]
    assert pinned
    assert [line for line in pinned if "==" not in line] == []
    assert text.count("--hash=sha256:") >= len(pinned)


def test_development_pins_what_the_product_runs_with() -> None:
    """Tests run with the very versions that are shipped."""
    runtime, dev = (
        {line.split()[0] for line in file.read_text(encoding="utf-8").splitlines() if "==" in line}
        for file in (ROOT / "deploy/requirements/runtime.txt", ROOT / "deploy/requirements/dev.txt")
    )
    assert runtime <= dev
