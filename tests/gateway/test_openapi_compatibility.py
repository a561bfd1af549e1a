"""Within version 1 nothing is taken away from clients of the management API and nothing more is asked of them."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from gateway.openapi_surface import Surface
from moorage.gateway.http.management.document import document
from moorage.gateway.http.management.serving import operations

Document = dict[str, Any]


@pytest.fixture(scope="module")
def described() -> Document:
    """The document."""
    return document(operations())


@pytest.fixture(scope="module")
def now(described: Document) -> Surface:
    """What clients can rely on."""
    return Surface.of(described)


def test_nothing_is_taken_away(now: Surface) -> None:
    """What breaks clients needs a version 2."""
    assert Surface.kept().breaks(now) == []


def test_what_is_new_is_kept_from_now_on(now: Surface) -> None:
    """`PYTHONPATH=tests python -m gateway.openapi_surface` adds it to the snapshot."""
    assert Surface.kept() == now


def _post(described: Document) -> Any:
    return described["paths"]["/api/v1/images"]["post"]


def _schemas(described: Document) -> Any:
    return described["components"]["schemas"]


def _members(described: Document, schema: str) -> Any:
    return _schemas(described)[schema]["properties"]


BREAKS: dict[str, Callable[[Document], object]] = {
    "gone: createImage is POST /api/v1/images": lambda d: d["paths"]["/api/v1/images"].pop("post"),
    "gone: listTokens takes query user: string": lambda d: d["paths"]["/api/v1/tokens"]["get"]["parameters"].pop(0),
    'gone: checkAccess takes query action: "push"': lambda d: _schemas(d)["Action"]["enum"].remove("push"),
    "gone: createImage takes body.repository: string": lambda d: _schemas(d)["NewImage"]["properties"].pop(
        "repository"
    ),
    "gone: createImage answers 201.link_gen: integer": lambda d: _schemas(d)["ImageBody"]["properties"].pop("link_gen"),
    "gone: createImage answers 201.state always": lambda d: _schemas(d)["ImageBody"]["required"].remove("state"),
    "gone: createImage answers 201 with Location": lambda d: _post(d)["responses"]["201"]["headers"].pop("Location"),
    "gone: createImage answers 409": lambda d: _post(d)["responses"].pop("409"),
    "new: createToken takes body.user always": lambda d: _schemas(d)["NewToken"]["required"].append("user"),
    "new: previewChanges takes body.changes[].fact always": lambda d: _schemas(d)["Try"].update(required=["fact"]),
    "tighter: createImage takes body.name maxLength 9": lambda d: _members(d, "NewImage")["name"].update(maxLength=9),
    "tighter: createImage takes body.name minLength 9": lambda d: _members(d, "NewImage")["name"].update(minLength=9),
}


@pytest.mark.parametrize("broken", list(BREAKS))
def test_what_breaks_clients_is_noticed(described: Document, now: Surface, broken: str) -> None:
    """Each way to take something away or to ask for more."""
    changed = copy.deepcopy(described)
    BREAKS[broken](changed)
    assert broken in now.breaks(Surface.of(changed))


def test_what_is_added_breaks_nobody(described: Document, now: Surface) -> None:
    """A new operation with demands of its own, a parameter that may be left out, a member, a wider bound."""
    changed = copy.deepcopy(described)
    changed["paths"]["/api/v1/new"] = {"post": {**_post(changed), "operationId": "createNew"}}
    _post(changed)["parameters"].append({"name": "new", "in": "query", "schema": {"type": "string", "maxLength": 3}})
    _members(changed, "ImageBody")["new"] = {"type": "string"}
    _members(changed, "NewImage")["name"]["maxLength"] = 300
    assert now.breaks(Surface.of(changed)) == []
