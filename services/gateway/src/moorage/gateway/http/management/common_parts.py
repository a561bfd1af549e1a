"""What many operations of the OpenAPI document refer to: parameters, headers, problems, ways to log in."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from moorage.access.problems import CredentialUnknown, Problem, ServiceUnavailable, TooManyRequests
from moorage.access.reason import Reason
from moorage.distribution.headers import AUTHZ_MIN_TOKEN, AUTHZ_TOKEN, DECISION_ID
from moorage.gateway.http.management.operation import PathMember
from moorage.gateway.http.management.problems import MEDIA_TYPE
from moorage.gateway.http.management.reading import MAX_MEMBER

Json = dict[str, Any]

_POSITION: Final = {
    "type": "string",
    "pattern": r"^zt1\.(0|[1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})$",
    "examples": ["zt1.1.0"],
}
_UUID: Final = {"type": "string", "format": "uuid"}

MEMBERS: Final[dict[PathMember, Json]] = {
    UUID: _UUID,
    str: {"type": "string", "minLength": 1, "maxLength": MAX_MEMBER},
}

PARAMETERS: Final[Json] = {
    "MinimumToken": {
        "name": AUTHZ_MIN_TOKEN,
        "in": "header",
        "description": "A position seen elsewhere. This API decides at head, so it is always met; it is only checked.",
        "schema": _POSITION,
    },
    "Wait": {
        "name": "wait",
        "in": "query",
        "description": "Answer once every gateway enforces the change, or with 202 after 5 seconds.",
        "schema": {"const": "all"},
    },
}

HEADERS: Final[Json] = {
    "ETag": {"description": "Changes with the record.", "required": True, "schema": {"type": "string"}},
    "Link": {
        "description": 'The next page, `<…>; rel="next"`; the last one has none.',
        "schema": {"type": "string"},
    },
    "Location": {"description": "The new record.", "required": True, "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds.", "required": True, "schema": {"type": "integer"}},
    "WWW-Authenticate": {"required": True, "schema": {"type": "string"}},
    AUTHZ_TOKEN: {"description": "The position from which on the change counts.", "schema": _POSITION},
    DECISION_ID: {"description": "What `GET /api/v1/decisions/{id}` explains.", "schema": _UUID},
}

SECURITY: Final[Json] = {
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "mrg_…", "description": "A personal token."},
    "password": {
        "type": "http",
        "scheme": "basic",
        "description": "A personal token as the password; the user name is for people only.",
    },
}

PROBLEM: Final[Json] = {
    "type": "object",
    "title": "Problem",
    "description": "A refusal (RFC 9457). Kinds may get further members.",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "The kind. It never changes."},
        "title": {"type": "string", "description": "The kind in words."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened here, and the next step."},
        "instance": {"type": "string", "format": "uri-reference", "description": "The path that was asked for."},
        "reason": {"enum": [reason.value for reason in Reason], "description": "Why the decision fell as it did."},
        "errors": {
            "type": "array",
            "description": "Where the request is not valid.",
            "items": {
                "type": "object",
                "required": ["at", "message"],
                "properties": {"at": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}

TARGET_TOO_LONG: Final[Json] = {
    "description": "The request target is longer than 8192 bytes. HTTP itself refuses it, before any API is asked.",
    "content": {"application/json": {"schema": {"type": "object"}}},
}

_TOLD_BY: Final[dict[type[Problem], str]] = {
    CredentialUnknown: "WWW-Authenticate",
    TooManyRequests: "Retry-After",
    ServiceUnavailable: "Retry-After",
}


def reference(kind: str, name: str) -> Json:
    """A reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def problem_response(kinds: Sequence[type[Problem]]) -> Json:
    """How kinds of problems with the same status are answered."""
    told = [{"properties": {"type": {"const": kind.uri()}, "status": {"const": kind.status}}} for kind in kinds]
    schema = {"allOf": [reference("schemas", "Problem"), {"anyOf": told} if len(told) > 1 else told[0]]}
    described: Json = {"description": ", or: ".join(kind.title for kind in kinds) + "."}
    if header := _TOLD_BY.get(kinds[0]):
        described["headers"] = {header: reference("headers", header)}
    return {**described, "content": {MEDIA_TYPE: {"schema": schema}}}
