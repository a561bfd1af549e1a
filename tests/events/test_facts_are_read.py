"""Good facts: the golden files, their keys, and the one spelling that every identifier has inside."""

import json
from pathlib import Path
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from events.fact_samples import DATA, ELSEWHERE, GROUP, REPOSITORY, USER, WORKSPACE, sample
from moorage.events.decoding import decode_fact
from moorage.events.edge_facts import GrantSet
from moorage.events.facts import FACTS
from moorage.events.node_facts import RepositorySet
from moorage.events.schemas import render, schemas
from moorage.events.topics import AUTHORITY, IDENTITY

GOLDEN = Path(__file__).parents[1] / "golden" / "facts"
SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


@pytest.mark.parametrize("kind", DATA)
def test_a_golden_fact_says_what_it_always_said(kind: str) -> None:
    """The file is what bridges send; a change of it is a change of the contract."""
    body = (GOLDEN / f"{kind}.json").read_bytes()
    assert json.loads(body) == sample(kind)
    assert decode_fact(body).key == sample(kind)["subject"]


def test_every_type_has_a_golden_fact() -> None:
    """The table of types is closed."""
    assert set(FACTS) == {f"dev.moorage.{kind}.v1" for kind in DATA}


@pytest.mark.parametrize("name", schemas())
def test_the_written_schema_is_the_models(name: str) -> None:
    """Bridges are written against docs/schemas: `python -m moorage.events.schemas docs/schemas` renews them."""
    assert (SCHEMAS / name).read_text(encoding="utf-8") == render(schemas()[name])


@pytest.mark.parametrize("kind", DATA)
def test_a_golden_fact_fits_its_schema(kind: str) -> None:
    """The schema accepts what we accept."""
    Draft202012Validator(schemas()[f"dev.moorage.{kind}.v1.json"]).validate(sample(kind))


@pytest.mark.parametrize("spell", [str.upper, "{{{}}}".format, lambda text: "{" + text.upper() + "}"])
def test_uuids_have_one_spelling_inside(spell: object) -> None:
    """Braces and case come from the code host and end at the edge, in the subject as well."""
    assert callable(spell)
    event = sample("scm.grant.set")
    event["data"]["workspace"] = spell(WORKSPACE)
    event["data"]["grantee"]["id"] = spell(GROUP)
    event["subject"] = f"gr:repository:{spell(REPOSITORY)}:group:{spell(GROUP)}"
    event["partitionkey"] = f"ws:{spell(WORKSPACE)}"
    fact = decode_fact(json.dumps(event).encode())
    assert fact.key == f"gr:repository:{REPOSITORY}:group:{GROUP}"
    assert fact.workspace == UUID(WORKSPACE)


def test_unknown_fields_are_ignored() -> None:
    """Fields are added inside a major."""
    event = sample("scm.workspace.set") | {"newattribute": 1}
    event["data"]["color"] = {"deep": [1]}
    assert decode_fact(json.dumps(event).encode()).data.value() == ("acme", "active")


def test_who_said_it_and_when_is_not_part_of_the_value() -> None:
    """Equal values are the same fact."""
    one, other = sample("scm.grant.set"), sample("scm.grant.set")
    other["data"] |= {"version": 1, "by": "user:other", "origin": "webhook"}
    values = [decode_fact(json.dumps(event).encode()).data.value() for event in (one, other)]
    assert values[0] == values[1]


def test_create_repo_on_a_project_is_write() -> None:
    """§1.3: the row of the table that surprises."""
    event = sample("scm.grant.set")
    event["data"] |= {"node": {"kind": "project", "id": REPOSITORY}, "role": "create-repo"}
    event["subject"] = f"gr:project:{REPOSITORY}:group:{GROUP}"
    data = decode_fact(json.dumps(event).encode()).data
    assert isinstance(data, GrantSet)
    assert data.granted.word == "write"


def test_a_transfer_needs_no_place() -> None:
    """It says only where the repository went."""
    event = sample("scm.repository.set")
    event["data"] = {
        "workspace": WORKSPACE,
        "version": 9,
        "id": REPOSITORY,
        "state": "transferred",
        "to_workspace": ELSEWHERE,
    }
    data = decode_fact(json.dumps(event).encode()).data
    assert isinstance(data, RepositorySet)
    assert data.to_workspace == UUID(ELSEWHERE)


def test_only_a_group_owns_a_workspace_by_grant() -> None:
    """Users are owners by membership."""
    event = sample("scm.grant.set")
    event["data"] |= {"node": {"kind": "workspace", "id": WORKSPACE}, "role": "owner"}
    event["subject"] = f"gr:workspace:{WORKSPACE}:group:{GROUP}"
    assert decode_fact(json.dumps(event).encode()).data.value() == (3,)


def test_a_partition_is_the_uuid_modulo_their_number() -> None:
    """Producers in any language compute the same."""
    assert AUTHORITY.partition_of(UUID(WORKSPACE)) == UUID(WORKSPACE).int % 24
    assert IDENTITY.partition_of(UUID(USER)) == UUID(USER).int % 6
