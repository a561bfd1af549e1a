"""The OpenAPI document says what is served, and is what clients can rely on."""

import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from gateway.site import Site
from moorage.access.problems import Problem
from moorage.access.wire import IdentityBody, WorkspaceBody
from moorage.gateway.http.management.document import document, render
from moorage.gateway.http.management.operation import Reply, operation
from moorage.gateway.http.management.problems import MethodNotAllowed
from moorage.gateway.http.management.serving import operations

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"
PAGE = COMMITTED.with_name("api.md")
PLACE = "/api/v1/openapi.json"


def references(part: Any) -> set[str]:
    """Every `$ref` in a part of the document."""
    if isinstance(part, dict):
        own = {part["$ref"]} if "$ref" in part else set()
        return own.union(*(references(each) for each in part.values()))
    return set().union(*(references(each) for each in part)) if isinstance(part, list) else set()


def test_what_is_committed_is_current() -> None:
    """`python -m moorage.gateway.http.management.openapi docs/openapi.json` renews it."""
    assert COMMITTED.read_text(encoding="utf-8") == render(document(operations()))


def test_it_is_openapi() -> None:
    """Valid by the meta-schema of OpenAPI 3.1, and every schema in it is one of JSON Schema 2020-12."""
    described = document(operations())
    assert [error.message for error in OPENAPI_31_VALIDATOR.iter_errors(described)] == []
    for schema in described["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_component_is_there_and_used() -> None:
    """Each reference finds something, and nothing stands there for nobody."""
    described = document(operations())
    components = {
        f"#/components/{kind}/{name}"
        for kind, named in described["components"].items()
        for name in named
        if kind != "securitySchemes"
    }
    assert references(described) == components


async def test_it_says_all_that_is_served(site: Site) -> None:
    """No route is left out, and none is made up; HEAD goes with GET, and the document does not describe itself."""
    served = {
        (route.method, route.resource.canonical)
        for route in site.gateway.public_app().router.routes()
        if route.resource and route.resource.canonical.startswith("/api/") and route.method != "HEAD"
    }
    said = {(method.upper(), path) for path, methods in document(operations())["paths"].items() for method in methods}
    assert served == said | {("GET", PLACE)}


def test_ids_and_summaries_tell_operations_apart() -> None:
    """Generated clients name their methods by them."""
    said = [(each.id, each.method, each.path) for each in operations()]
    assert len({id for id, _, _ in said}) == len(said)
    assert all(each.summary and each.needs for each in operations())


def test_each_problem_stands_under_its_status_with_its_type() -> None:
    """The type is a constant of the schema, so that a client can tell by it."""
    described = document(operations())
    for each in operations():
        answers = described["paths"][f"/api/v1{each.path}"][each.method.lower()]["responses"]
        for kind in each.problems:
            name = answers[str(kind.status)]["$ref"].rpartition("/")[2]
            assert f'"const": "{kind.uri()}"' in json.dumps(described["components"]["responses"][name])


def test_a_handler_must_take_what_its_path_names() -> None:
    """Else the module can't be imported."""

    async def misnamed(self: object, who: IdentityBody, image: UUID) -> Reply[WorkspaceBody]:
        """Does nothing."""
        raise NotImplementedError

    with pytest.raises(TypeError):
        operation("GET", "/images/{id}", "misnamed", needs="nothing")(misnamed)


async def test_everybody_may_read_and_keep_it(site: Site) -> None:
    """No login is needed, caches may keep it, and who has it is told so."""
    got = await site.ask("GET", PLACE)
    assert (got.status, got.headers["Content-Type"]) == (200, "application/json")
    assert got.headers["Cache-Control"] == "public, max-age=300"
    assert got.json == json.loads(COMMITTED.read_text(encoding="utf-8"))
    again = await site.ask("GET", PLACE, headers={"If-None-Match": got.headers["ETag"]})
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", got.headers["ETag"])
    older = await site.ask("GET", PLACE, headers={"If-None-Match": '"older"'})
    assert older.status == 200


def test_the_page_for_people_lists_every_problem() -> None:
    """With its status; what no operation answers is the wrong method and the bug."""
    said = set(re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    kinds: set[type[Problem]] = {MethodNotAllowed, Problem}
    kinds.update(*(each.problems for each in operations()))
    assert said == {(kind.slug, str(kind.status)) for kind in kinds}
