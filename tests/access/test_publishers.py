"""Publishers: branch globs match what the design says, in time linear in the branch, and survive the wire."""

import re
import time
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from moorage.access.image import PushPolicy
from moorage.access.publisher_body import PublisherBody, RunBody, read, written
from moorage.access.publishers import (
    LONGEST_GLOB,
    MOST_BRANCHES,
    PipelineRun,
    Publisher,
    branch_matches,
    check_glob,
    environments,
    listed,
)
from moorage.access.push_rules import may_narrow_to

BRANCHES = st.text("ab/.-*", max_size=12)
GLOBS = st.text("ab/.*", min_size=1, max_size=8).filter(lambda glob: "***" not in glob)


@pytest.mark.parametrize(
    ("glob", "matching", "others"),
    [
        ("main", ["main"], ["Main", "mai", "main2", "xmain", "main/x", "", " main"]),
        ("*", ["main", "", "v1.2"], ["a/b", "/"]),
        ("**", ["main", "a/b/c", "", "/"], []),
        ("release/*", ["release/1", "release/"], ["release", "release/1/fix", "x/release/1"]),
        ("release/**", ["release/1", "release/1/fix", "release/"], ["release", "releases/1"]),
        ("*/fix", ["a/fix", "/fix"], ["fix", "a/b/fix"]),
        ("**/fix", ["a/fix", "a/b/fix"], ["fix", "a/fixed"]),
        ("v*.*", ["v1.2", "v."], ["v1", "v1/2.3"]),
        ("a.c", ["a.c"], ["abc"]),
        ("a+$^|()", ["a+$^|()"], ["a", "aa"]),
        ("ünï*", ["ünïcode"], ["unicode"]),
    ],
)
def test_a_glob_matches_whole_names(glob: str, matching: list[str], others: list[str]) -> None:
    """Anchored, case-sensitive; one star stays in its segment, two cross it, all else is itself."""
    assert [branch for branch in matching if not branch_matches(check_glob(glob), branch)] == []
    assert [branch for branch in others if branch_matches(glob, branch)] == []


@given(GLOBS, BRANCHES)
def test_globs_match_what_the_slow_reading_matches(glob: str, branch: str) -> None:
    """The same as the regular expression that they stand for."""
    pattern = re.escape(glob).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    assert branch_matches(glob, branch) == (re.fullmatch(pattern, branch) is not None)


def test_no_glob_takes_long() -> None:
    """What makes a backtracking matcher explode is over at once: a hundred of the worst in a second of CPU at most."""
    glob, branch = "*a" * 127, "a" * 1000 + "b"
    begin = time.process_time()
    assert not any(branch_matches(glob, branch) for _ in range(100))
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    "glob", ["", "a b", "a\tb", "a\x00", "main?", "[ab]", "a\\b", "{a,b}", "***", "x" * (LONGEST_GLOB + 1)]
)
def test_what_is_no_glob_is_refused(glob: str) -> None:
    """No pattern is silently one that nothing matches."""
    with pytest.raises(ValueError, match="branch glob"):
        check_glob(glob)
    with pytest.raises(ValidationError):
        PublisherBody(any_pipeline=True, branches=(glob,))


def test_a_publisher_without_globs_takes_every_branch_and_none() -> None:
    """With globs, no branch is none of them."""
    assert Publisher().takes(None)
    assert Publisher().takes("anything")
    assert not Publisher(branches=("**",)).takes(None)
    assert Publisher(branches=("dev", "ma*")).takes("main")


def test_an_environment_finds_its_own_entries() -> None:
    """Runs without an environment are those of any_pipeline, and no others."""
    one, other = uuid4(), uuid4()
    entries = (Publisher(one), Publisher(), Publisher(one, ("main",)))
    assert listed(entries, one) == [entries[0], entries[2]]
    assert listed(entries, other) == []
    assert listed(entries, None) == [entries[1]]
    assert environments(entries) == {one}


publishers = st.builds(Publisher, st.uuids() | st.none(), st.lists(GLOBS, max_size=3).map(tuple))


@given(st.lists(publishers, max_size=4).map(tuple))
def test_publishers_survive_the_wire(some: tuple[Publisher, ...]) -> None:
    """As JSON, in requests, in the stream, and where they are stored."""
    assert read(written(some)) == some


@given(st.builds(PipelineRun, st.uuids() | st.none(), st.text(max_size=20) | st.none(), st.booleans()))
def test_a_run_survives_the_wire(run: PipelineRun) -> None:
    """Nothing that limits it is lost."""
    assert RunBody.model_validate_json(RunBody.of(run).model_dump_json(exclude_none=True)).value() == run


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"any_pipeline": False},
        {"any_pipeline": True, "environment": str(uuid4())},
        {"environment": "production"},
        {"environment": str(uuid4()), "branch": "main"},
        {"any_pipeline": True, "branches": ["x"] * (MOST_BRANCHES + 1)},
        {"any_pipeline": True, "branches": None},
    ],
)
def test_a_publisher_is_one_thing(body: dict[str, object]) -> None:
    """An environment by its uuid, or any pipeline; an unknown limit is not passed over."""
    with pytest.raises(ValidationError):
        PublisherBody.model_validate(body)


def test_policies_are_narrowed_and_not_exchanged() -> None:
    """Both narrow policies are below `repository_write`, and neither is below the other."""
    allowed = {(policy, default) for policy in PushPolicy for default in PushPolicy if may_narrow_to(policy, default)}
    write, pipelines, admins = PushPolicy
    assert allowed == {(write, write), (pipelines, write), (admins, write), (pipelines, pipelines), (admins, admins)}
