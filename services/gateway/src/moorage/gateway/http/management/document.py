"""The OpenAPI 3.1 document of the management API, made of what the operations declare.

See moorage.gateway.http.management.openapi for the command that writes it.
"""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from moorage.access.problems import Problem
from moorage.access.sync_wire import FleetProgress
from moorage.distribution.headers import AUTHZ_TOKEN, DECISION_ID
from moorage.gateway.http.management.answers import TAGGED
from moorage.gateway.http.management.common_parts import (
    HEADERS,
    MEMBERS,
    PARAMETERS,
    PROBLEM,
    SECURITY,
    TARGET_TOO_LONG,
    Json,
    problem_response,
    reference,
)
from moorage.gateway.http.management.operation import ROOT, Operation
from moorage.gateway.http.management.schemas import Schemas

PLACE: Final = f"{ROOT}/openapi.json"
_INFO: Final = {
    "title": "Moorage management API",
    "version": "1",
    "description": "Image records, their settings, personal tokens, and why somebody may or may not do something. "
    "Within version 1 operations, parameters and members are only added.",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}
_JSON: Final = "application/json"


def document(operations: Sequence[Operation]) -> Json:
    """The whole document."""
    schemas = Schemas(operations)
    paths: dict[str, Json] = {}
    for each in operations:
        paths.setdefault(ROOT + each.path, {})[each.method.lower()] = _operation(each, schemas)
    refusals = {_named(kinds): kinds for each in operations for _, kinds in _by_status(each)}
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {**schemas.components, "Problem": PROBLEM},
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "responses": {
                **{name: problem_response(kinds) for name, kinds in sorted(refusals.items())},
                "TargetTooLong": TARGET_TOO_LONG,
            },
            "securitySchemes": SECURITY,
        },
    }


def render(document: Json) -> str:
    """The document as it stands in its file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _operation(declared: Operation, schemas: Schemas) -> Json:
    described: Json = {
        "operationId": declared.id,
        "tags": [declared.path.split("/")[1]],
        "summary": declared.summary,
        "description": f"{declared.description}\n\nNeeds {declared.needs}.".strip(),
        "security": [*([{}] if declared.anonymous else []), *({name: []} for name in SECURITY)],
        "parameters": _parameters(declared, schemas),
    }
    if declared.body:
        described["requestBody"] = {"required": True, "content": {_JSON: {"schema": schemas.sent(declared.body)}}}
    return {**described, "responses": _responses(declared, schemas)}


def _parameters(declared: Operation, schemas: Schemas) -> list[Json]:
    members = [
        {"name": name, "in": "path", "required": True, "schema": MEMBERS[kind]}
        for name, kind in declared.members.items()
    ]
    asked = schemas.parameters(declared.query) if declared.query else []
    waits = [reference("parameters", "Wait")] if declared.changes else []
    return [*members, *asked, *waits, reference("parameters", "MinimumToken")]


def _responses(declared: Operation, schemas: Schemas) -> dict[str, Json]:
    answers = {str(declared.status): _success(declared, schemas)}
    if declared.changes:
        answers["202"] = _accepted(declared, schemas)
    if declared.query:
        answers["414"] = reference("responses", "TargetTooLong")
    return answers | {str(status): reference("responses", _named(kinds)) for status, kinds in _by_status(declared)}


def _by_status(declared: Operation) -> list[tuple[int, list[type[Problem]]]]:
    return [(status, list(kinds)) for status, kinds in groupby(declared.problems, key=lambda kind: kind.status)]


def _named(kinds: list[type[Problem]]) -> str:
    return "Or".join(kind.__name__ for kind in kinds)


def _success(declared: Operation, schemas: Schemas) -> Json:
    names = [
        *declared.headers,
        *(["ETag"] if declared.answer in TAGGED else []),
        *(["Link"] if declared.paged else []),
        *([AUTHZ_TOKEN, DECISION_ID] if declared.changes else []),
    ]
    described: Json = {"description": "Done." if declared.changes else "The answer."}
    if names:
        described["headers"] = {name: reference("headers", name) for name in names}
    if declared.answer:
        described["content"] = {_JSON: {"schema": schemas.told(declared.answer)}}
    return described


def _accepted(declared: Operation, schemas: Schemas) -> Json:
    """See moorage.gateway.http.management.waiting."""
    members = {"progress": schemas.told(FleetProgress)}
    if declared.answer:
        members["result"] = schemas.told(declared.answer)
    schema = {"type": "object", "required": list(members), "properties": members}
    return {
        "description": "With `wait=all`: the change is made, and not every gateway is known to enforce it yet.",
        "headers": {name: reference("headers", name) for name in (AUTHZ_TOKEN, DECISION_ID)},
        "content": {_JSON: {"schema": schema}},
    }
