"""Ways to read the OpenAPI document in tests."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

Document = dict[str, Any]

URI = "urn:document"


@dataclass(frozen=True)
class Operation:
    """One operation of the document."""

    path: str
    method: str
    declared: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.declared["operationId"])

    @property
    def body(self) -> dict[str, Any] | None:
        """The JSON body that it takes: schema and examples."""
        content: dict[str, Any] = self.declared.get("requestBody", {}).get("content", {})
        return content.get("application/json")

    def parameters(self, place: str) -> dict[str, dict[str, Any]]:
        return {one["name"]: one for one in self.declared.get("parameters", []) if one["in"] == place}

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def operations(document: Document) -> list[Operation]:
    return [
        Operation(path, method.upper(), declared)
        for path, methods in document["paths"].items()
        for method, declared in methods.items()
    ]


def resolved(document: Document, part: dict[str, Any]) -> dict[str, Any]:
    """Return a part of the document, or the part that it refers to; KeyError where that is not there."""
    while "$ref" in part:
        found: Any = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


def examples(document: Document, media: dict[str, Any]) -> list[Any]:
    """Return the values of all examples of a body."""
    alone = [media["example"]] if "example" in media else []
    return alone + [resolved(document, example)["value"] for example in media.get("examples", {}).values()]


def parts(part: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a part of the document."""
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from parts(value)
    elif isinstance(part, list):
        for value in part:
            yield from parts(value)


def closed(document: Document) -> Document:
    """Return the document with answers that hold what it says and nothing else.

    It leaves answers open, so that clients do not break when one gets a new field; a field that the service sends today
    and the document does not know is a fault all the same.
    """
    strict = copy.deepcopy(document)
    for schema in strict["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return strict


def faults(document: Document, schema: dict[str, Any], value: Any) -> list[str]:
    """Return where and why a value does not fit a schema of the document."""
    registry = Registry().with_resource(URI, DRAFT202012.create_resource({"$id": URI, **document}))
    absolute = _with_absolute_references(schema)
    validator = Draft202012Validator(absolute, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def _with_absolute_references(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            name: f"{URI}{value}" if name == "$ref" else _with_absolute_references(value)
            for name, value in schema.items()
        }
    if isinstance(schema, list):
        return [_with_absolute_references(one) for one in schema]
    return schema
