"""The schemas of the OpenAPI document, as generators of clients and people that read want them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from pydantic import BaseModel

from app.http.schemas import AnswerModel, RequestModel

Vocabularies = Mapping[str, Mapping[str, str]]

_SCHEMAS = "#/components/schemas/"


def tidied(document: dict[str, Any], vocabularies: Vocabularies) -> dict[str, Any]:
    """Return the document with good names for its schemas, with what values mean, and with answers that may grow."""
    document = _renamed(document)
    schemas = document["components"]["schemas"]
    examples = _examples()
    for name, schema in schemas.items():
        schema["title"] = name
        for part in _parts(schema):
            for member in part.get("properties", {}).values():
                # Made from the member's name, it says nothing more and hides the type where types are shown.
                member.pop("title", None)
        if name in examples:
            schema["examples"] = [_in_order(example, schema, schemas) for example in examples[name]]
    for name, meanings in vocabularies.items():
        _explain(schemas[name], meanings)
    _open_answers(document)
    return document


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of something optional, without the null that stands for its absence."""
    alternatives = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
    if not alternatives:
        return schema
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return {**alternatives[0], **rest} if len(alternatives) == 1 else {"anyOf": alternatives, **rest}


def named(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema itself, or the one that it refers to."""
    found: Mapping[str, Any] = schemas.get(schema.get("$ref", "").removeprefix(_SCHEMAS), schema)
    return found


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """Return the first example of a schema; for a page, one made of its item's example."""
    whole = named(schema, schemas)
    if whole.get("examples"):
        return whole["examples"][0]
    item = named(whole.get("properties", {}).get("data", {}).get("items", {}), schemas)
    if item.get("examples"):
        return {"data": item["examples"][:1], "next_cursor": None}
    return None


def _examples() -> dict[str, list[Any]]:
    """Return the examples of every body by the name of its schema.

    As the models have them: on their way into the document FastAPI takes every null out of them.
    """
    found: dict[str, list[Any]] = {}
    ahead: list[type[BaseModel]] = [AnswerModel, RequestModel]
    while ahead:
        model = ahead.pop()
        ahead.extend(model.__subclasses__())
        extra = model.model_config.get("json_schema_extra")
        if isinstance(extra, dict) and isinstance(extra.get("examples"), list):
            found[model.__name__] = cast("list[Any]", extra["examples"])
    return found


def _renamed(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document["components"]["schemas"]
    # An answer that holds a problem brings a second copy of its schema, under the name of its class.
    schemas.pop("ProblemDetails", None)
    names = {name: _good_name(name) for name in ("ProblemDetails", *schemas)}
    text = json.dumps(document)
    for name, better in names.items():
        text = text.replace(f'"{_SCHEMAS}{name}"', f'"{_SCHEMAS}{better}"')
    renamed: dict[str, Any] = json.loads(text)
    parts = renamed["components"]["schemas"]
    renamed["components"]["schemas"] = dict(sorted((names[name], part) for name, part in parts.items()))
    return renamed


def _good_name(name: str) -> str:
    if name == "ProblemDetails":
        return "Problem"
    if name.startswith("Page_"):
        return f"{name.removeprefix('Page_').rstrip('_')}Page"
    return name


def _explain(schema: dict[str, Any], meanings: Mapping[str, str]) -> None:
    rows = "\n".join(f"| `{value}` | {meanings[value]} |" for value in schema["enum"])
    schema["description"] = f"{schema.get('description', '')}\n\n| value | meaning |\n|---|---|\n{rows}".strip()


def _open_answers(document: dict[str, Any]) -> None:
    """Let answers have members that this version does not know: clients must not break when one is added.

    What is sent stays closed, because the service refuses fields that it does not know.
    """
    schemas = document["components"]["schemas"]
    sent: set[str] = set()
    bodies = [
        operation["requestBody"]
        for operations in document["paths"].values()
        for operation in operations.values()
        if "requestBody" in operation
    ]
    ahead = [name for body in bodies for name in _references(body)]
    while ahead:
        name = ahead.pop()
        if name not in sent:
            sent.add(name)
            ahead.extend(_references(schemas[name]))
    for name, schema in schemas.items():
        if name not in sent and schema.get("additionalProperties") is False:
            del schema["additionalProperties"]


def _references(part: Any) -> Iterator[str]:
    for one in _parts(part):
        if isinstance(one.get("$ref"), str):
            yield one["$ref"].removeprefix(_SCHEMAS)


def _parts(part: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a part of the document, outermost first."""
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from _parts(value)
    elif isinstance(part, list):
        for value in part:
            yield from _parts(value)


def _in_order(value: Any, schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """Return an example with its members in the order of the schema; Pydantic sorts them by name."""
    whole = named(without_null(dict(schema)), schemas)
    if isinstance(value, dict) and "properties" in whole:
        members = whole["properties"]
        ordered = [name for name in members if name in value] + [name for name in value if name not in members]
        return {name: _in_order(value[name], members.get(name, {}), schemas) for name in ordered}
    if isinstance(value, list):
        return [_in_order(one, whole.get("items", {}), schemas) for one in value]
    return value
