"""The models of all operations as JSON Schemas, each once."""

from collections.abc import Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core.core_schema import FrozenSetSchema

from moorage.access.sync_wire import FleetProgress
from moorage.gateway.http.management.common_parts import Json
from moorage.gateway.http.management.operation import Operation

_TEMPLATE: Final = "#/components/schemas/{model}"
_ROOT: Final = _TEMPLATE.removesuffix("{model}")


class _Plain(GenerateJsonSchema):
    """What a client has to know, and no more."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """A title that repeats the name of a member says nothing."""
        return False

    def frozenset_schema(self, schema: FrozenSetSchema) -> Json:
        """A set that is sent may name a thing twice."""
        described = super().frozenset_schema(schema)
        return {key: value for key, value in described.items() if key != "uniqueItems" or self.mode != "validation"}


class Schemas:
    """What is sent and what is told, as references, and `components`, the schemas that they refer to.

    A query is no schema but a list of parameters; what its parameters refer to is a component as well.
    """

    def __init__(self, operations: Sequence[Operation]) -> None:
        queries = {each.query for each in operations if each.query}
        sent = {each.body for each in operations if each.body} | queries
        told = {each.answer for each in operations if each.answer} | {FleetProgress}
        modes: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
            *((model, "validation") for model in _by_name(sent)),
            *((model, "serialization") for model in _by_name(told)),
        ]
        self._references, whole = models_json_schema(modes, ref_template=_TEMPLATE, schema_generator=_Plain)
        definitions = whole["$defs"]
        self._queries = {query: definitions.pop(self._name(query)) for query in queries}
        self.components: Json = dict(sorted(definitions.items()))

    def sent(self, model: type[BaseModel]) -> Json:
        """A body."""
        return self._references[model, "validation"]

    def told(self, model: type[BaseModel]) -> Json:
        """An answer."""
        return self._references[model, "serialization"]

    def parameters(self, query: type[BaseModel]) -> list[Json]:
        """The parameters of a query."""
        schema = self._queries[query]
        required = schema.get("required", [])
        return [_parameter(name, each, name in required) for name, each in schema["properties"].items()]

    def _name(self, query: type[BaseModel]) -> str:
        return str(self._references[query, "validation"]["$ref"]).removeprefix(_ROOT)


def _by_name(models: set[type[BaseModel]]) -> list[type[BaseModel]]:
    return sorted(models, key=lambda model: model.__name__)


def _parameter(name: str, schema: Json, required: bool) -> Json:
    """A parameter that is left out is no null, and one that holds JSON has its own schema."""
    (said,) = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default") and schema is not said}
    if schema.get("default") is not None:
        rest["default"] = schema["default"]
    described: Json = {"name": name, "in": "query", **({"required": True} if required else {})}
    if "contentSchema" in said:
        return {**described, "content": {said["contentMediaType"]: {"schema": said["contentSchema"]}}}
    return {**described, "schema": {**said, **rest}}
