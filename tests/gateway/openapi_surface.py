"""What clients of the management API rely on, as plain facts, and what takes any of it away.

`PYTHONPATH=tests python -m gateway.openapi_surface` adds what is new to the snapshot; it refuses to take anything away.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from moorage.gateway.http.management.document import document
from moorage.gateway.http.management.serving import operations

SNAPSHOT: Final = Path(__file__).parents[1] / "golden" / "openapi_surface.json"
_UPPER: Final = ("maxLength", "maximum", "maxItems")
_LOWER: Final = ("minLength", "minimum", "minItems", "minProperties")
Json = dict[str, Any]


@dataclass
class Surface:
    """`promises` are kept, `demands` are all there are, and what is sent is within `bounds`."""

    promises: list[str]
    demands: list[str]
    bounds: dict[str, int]

    @classmethod
    def of(cls, document: Json) -> Self:
        """The surface of a document."""
        facts = list(_facts(document))
        promises = sorted({text for kind, text, _ in facts if kind == "promise"})
        demands = sorted({text for kind, text, _ in facts if kind == "demand"})
        return cls(promises, demands, {text: bound for kind, text, bound in sorted(facts) if kind == "bound"})

    @classmethod
    def kept(cls) -> Self:
        """The snapshot."""
        return cls(**json.loads(SNAPSHOT.read_text(encoding="utf-8")))

    def breaks(self, newer: "Surface") -> list[str]:
        """What a client that was written by this one would stumble over."""
        kept, mine = set(newer.promises), {promise.partition(" ")[0] for promise in self.promises}
        demanded = [each for each in newer.demands if each.partition(" ")[0] in mine]
        bounded = {each: bound for each, bound in newer.bounds.items() if each.partition(" ")[0] in mine}
        return [
            *(f"gone: {promise}" for promise in self.promises if promise not in kept),
            *(f"new: {demand}" for demand in demanded if demand not in self.demands),
            *(f"tighter: {each} {bound}" for each, bound in bounded.items() if self._is_tighter(each, bound)),
        ]

    def _is_tighter(self, name: str, bound: int) -> bool:
        member, _, keyword = name.rpartition(" ")
        if name not in self.bounds:
            return any(promise.startswith(f"{member}: ") for promise in self.promises)
        return bound < self.bounds[name] if keyword in _UPPER else bound > self.bounds[name]


def _facts(document: Json) -> Iterator[tuple[str, str, int]]:
    components = document["components"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            id = operation["operationId"]
            yield "promise", f"{id} is {method.upper()} {path}", 0
            for parameter in (_resolved(each, components) for each in operation["parameters"]):
                name = f"{id} takes {parameter['in']} {parameter['name']}"
                (schema,) = [parameter.get("schema") or parameter["content"]["application/json"]["schema"]]
                yield from _sent(name, schema, parameter.get("required", False), components)
            if body := operation.get("requestBody"):
                yield from _sent(f"{id} takes body", body["content"]["application/json"]["schema"], True, components)
            for status, answer in operation["responses"].items():
                yield from _told(f"{id} answers {status}", _resolved(answer, components), components)


def _sent(name: str, schema: Json, required: bool, components: Json) -> Iterator[tuple[str, str, int]]:
    for member, said, needed in _members(name, schema, required, components):
        yield "promise", f"{member}: {said.get('type', 'any')}", 0
        if needed:
            yield "demand", f"{member} always", 0
        for value in said.get("enum", []):
            yield "promise", f"{member}: {json.dumps(value)}", 0
        for keyword in (*_UPPER, *_LOWER):
            if keyword in said:
                yield "bound", f"{member} {keyword}", said[keyword]


def _told(name: str, answer: Json, components: Json) -> Iterator[tuple[str, str, int]]:
    yield "promise", name, 0
    for header in answer.get("headers", {}):
        yield "promise", f"{name} with {header}", 0
    schema = answer.get("content", {}).get("application/json", {}).get("schema")
    for member, said, always in _members(name, schema, True, components) if schema else ():
        if ".result." in member:  # as without waiting
            continue
        yield "promise", f"{member}: {said.get('type', 'any')}", 0
        if always:
            yield "promise", f"{member} always", 0


def _members(name: str, schema: Json, required: bool, components: Json) -> Iterator[tuple[str, Json, bool]]:
    """The schema and all below it, each with its name and whether what it stands in always has it."""
    said = _resolved(schema, components)
    arms = [_resolved(arm, components) for arm in said.get("anyOf", [])]
    if arms:
        types = sorted(str(arm.get("type", "any")) for arm in arms)
        said = {**next(arm for arm in arms if arm.get("type") != "null"), "type": " or ".join(types)}
    yield name, said, required
    for member, below in said.get("properties", {}).items():
        yield from _members(f"{name}.{member}", below, member in said.get("required", []), components)
    if "items" in said:
        yield from _members(f"{name}[]", said["items"], True, components)


def _resolved(schema: Json, components: Json) -> Json:
    if "$ref" not in schema:
        return schema
    kind, name = schema["$ref"].split("/")[2:]
    found: Json = components[kind][name]
    return found


def main() -> int:
    """Writes the snapshot anew; 1 if that would take something away."""
    now = Surface.of(document(operations()))
    if broken := SNAPSHOT.exists() and Surface.kept().breaks(now):
        sys.stderr.write("\n".join(broken) + "\n")
        return 1
    SNAPSHOT.write_text(json.dumps(asdict(now), indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
