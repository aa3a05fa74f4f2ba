"""The OpenAPI document is true to itself: whole, valid, and with an example for everything."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.errors import PROBLEMS
from app.feed.schemas import FEED_TYPES
from app.main import create_app
from app.orders.schemas import PurchaseOrder
from app.orders.visibility import SEEN_BY_ALL
from app.principal import Relation, Scope
from app.settings import Settings
from app.validation.refusal_codes import REFUSAL_CODES
from tests.document import Document, Operation, closed, examples, faults, operations, parts, resolved

VERBS = {
    "activate", "add", "approve", "arrive", "assign", "book", "cancel", "close", "comment", "complete", "confirm",
    "create", "delete", "deny", "export", "extend", "find", "follow", "get", "import", "issue", "link", "list", "mark",
    "move", "open", "preview", "put", "receive", "record", "redeliver", "reject", "release", "remove", "reopen",
    "request", "reschedule", "resolve", "resume", "reverse", "revoke", "rotate", "send", "suspend", "unlink", "update",
    "validate", "verify", "withdraw",
}  # fmt: skip

DOCUMENT: Document = create_app(Settings.model_validate({"DATABASE_URL": "postgresql://nowhere"})).openapi()
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OPERATIONS = operations(DOCUMENT)

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)


def test_the_document_in_the_repository_is_the_services(repository_root: Path) -> None:
    command = [str(Path(sys.executable).parent / "po-registry"), "openapi"]
    # With another seed for hashes, so that an order that comes from a set would differ.
    printed = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": "4711"})
    kept = (repository_root / "openapi" / "openapi.json").read_bytes()
    assert printed.stdout == kept, "openapi/openapi.json is not the service's document: run `make openapi`, commit it"


def test_the_document_is_valid_openapi() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []  # type: ignore[arg-type]


def test_every_reference_leads_to_something_and_every_schema_is_referred_to() -> None:
    references = {part["$ref"] for part in parts(DOCUMENT) if isinstance(part.get("$ref"), str)}
    for reference in references:
        assert resolved(DOCUMENT, {"$ref": reference}), reference
    assert {f"#/components/schemas/{name}" for name in SCHEMAS} <= references


def test_names_of_schemas_are_names_of_types() -> None:
    for name, schema in SCHEMAS.items():
        assert re.fullmatch(r"([A-Z][a-z]+)+", name), name
        assert schema["title"] == name


@each_operation
def test_an_operation_says_what_it_is_for(operation: Operation) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", operation.id)
    assert operation.id.partition("_")[0] in VERBS, "a method's name begins with a verb; a new verb goes into VERBS"
    assert 8 <= len(operation.declared["summary"]) <= 60
    text, _, access = operation.declared["description"].partition("\n\n**Scope:**")
    assert len(text) > 40, "one sentence or more for who integrates it"
    assert access
    assert operation.declared["security"] == [{"ApiKey": []}]
    assert operation.declared["tags"][0] in {tag["name"] for tag in DOCUMENT["tags"]}


def test_no_two_operations_have_one_name() -> None:
    assert len({operation.id for operation in OPERATIONS}) == len(OPERATIONS)
    assert len({operation.declared["summary"] for operation in OPERATIONS}) == len(OPERATIONS)


def test_every_tag_is_used_and_described() -> None:
    assert {tag["name"] for tag in DOCUMENT["tags"]} == {operation.declared["tags"][0] for operation in OPERATIONS}
    assert all(len(tag["description"]) > 15 for tag in DOCUMENT["tags"])


@each_operation
def test_a_request_has_examples_that_fit(operation: Operation) -> None:
    if operation.body is not None:
        assert examples(DOCUMENT, operation.body)
        for example in examples(DOCUMENT, operation.body):
            assert faults(DOCUMENT, operation.body["schema"], example) == []
    for parameter in operation.declared.get("parameters", []):
        assert parameter["description"], parameter["name"]
        assert "null" not in str(parameter["schema"]), "a parameter is left out, never null"
        # An example of an optional parameter would be sent by whoever tries the operation out.
        assert ("example" in parameter) == parameter["required"], parameter["name"]
        if parameter["required"]:
            assert faults(DOCUMENT, parameter["schema"], parameter["example"]) == []


@each_operation
def test_every_answer_has_examples_that_fit(operation: Operation) -> None:
    strict = closed(DOCUMENT)
    for status, answer in operation.declared["responses"].items():
        if status == "304":
            assert "content" not in answer
            continue
        for media in answer["content"].values():
            assert examples(DOCUMENT, media), status
            for example in examples(DOCUMENT, media):
                assert faults(strict, media["schema"], example) == [], status


@each_operation
def test_every_problem_of_an_operation_is_one_that_is_explained(operation: Operation) -> None:
    for status, answer in operation.declared["responses"].items():
        if int(status) < 400:
            continue
        (media_type,) = answer["content"]
        assert media_type == "application/problem+json"
        codes = list(answer["content"][media_type]["examples"])
        assert codes
        for code in codes:
            assert PROBLEMS[code].status == int(status)
            assert f"`{code}`" in answer["description"]
            assert resolved(DOCUMENT, answer["content"][media_type]["examples"][code])["value"]["code"] == code
    assert {"401", "500", "503"} <= set(operation.declared["responses"])


def test_every_problem_is_listed_in_the_introduction() -> None:
    for code in PROBLEMS:
        assert f"[`{code}`](/problems/{code})" in DOCUMENT["info"]["description"]


@each_operation
def test_the_headers_of_answers_are_declared(operation: Operation) -> None:
    writes = "Idempotency-Key" in operation.parameters("header")
    asks_for_version = "If-None-Match" in operation.parameters("header")
    for status, answer in operation.declared["responses"].items():
        headers = {name: resolved(DOCUMENT, header) for name, header in answer["headers"].items()}
        needed = {name for name, header in headers.items() if header["required"]}
        assert "X-Request-ID" in needed
        assert ("WWW-Authenticate" in needed) == (status == "401")
        assert ("Retry-After" in needed) == (status in {"429", "503"})
        assert ("Idempotency-Replayed" in headers) == (writes and status in {"200", "201", "202"})
        assert "Idempotency-Replayed" not in needed
    assert ("304" in operation.declared["responses"]) == asks_for_version
    if operation.id.startswith("list_"):
        assert "Link" in operation.declared["responses"]["200"]["headers"]
        assert {"limit", "cursor"} <= operation.parameters("query").keys()
    if asks_for_version:
        assert "ETag" in operation.declared["responses"]["200"]["headers"]
    if operation.method == "PATCH":
        assert operation.parameters("header")["If-Match"]["required"]
        assert {"412", "428"} <= operation.declared["responses"].keys()


def test_items_of_batches_are_described_like_single_requests() -> None:
    items = SCHEMAS["IssueBatch"]["properties"]["purchase_orders"]["items"]
    assert items == {"$ref": "#/components/schemas/IssuePurchaseOrder"}
    assert SCHEMAS["ValidateBatch"]["properties"]["inputs"]["items"] == {
        "anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/ValidateInput"}]
    }


def test_every_type_of_event_is_a_webhook_with_an_example_that_fits() -> None:
    webhooks = DOCUMENT["webhooks"]
    assert set(webhooks) == {*FEED_TYPES, "webhook.test"}
    strict = closed(DOCUMENT)
    for type_, webhook in webhooks.items():
        (media,) = webhook["post"]["requestBody"]["content"].values()
        (example,) = examples(DOCUMENT, media)
        assert faults(strict, media["schema"], example) == [], type_
        assert example["type"] == type_
        assert len(webhook["post"]["description"]) > 15


def test_an_order_is_described_whole_and_what_some_relations_do_not_see_may_be_missing() -> None:
    described = SCHEMAS["PurchaseOrder"]
    assert set(described["properties"]) == set(PurchaseOrder.model_fields)
    assert set(described["required"]) == SEEN_BY_ALL < set(PurchaseOrder.model_fields)
    assert not {"unit_price", "tax"} & set(SCHEMAS["OrderLine"]["required"])
    assert set(SCHEMAS["BatchResult"]["properties"]) == {"index", "purchase_order", "problem"}


def test_what_is_sent_is_closed_and_what_is_answered_may_grow() -> None:
    assert SCHEMAS["IssuePurchaseOrder"]["additionalProperties"] is False
    assert SCHEMAS["Party"]["additionalProperties"] is False
    assert "additionalProperties" not in SCHEMAS["PurchaseOrder"]
    assert "additionalProperties" not in SCHEMAS["PurchaseOrderPage"]


def test_vocabularies_are_explained_value_by_value() -> None:
    for name, values in (
        ("Scope", list(Scope)),
        ("RefusalCode", list(REFUSAL_CODES)),
        ("ImportFormat", SCHEMAS["ImportFormat"]["enum"]),
        ("ImportStatus", SCHEMAS["ImportStatus"]["enum"]),
        ("Outcome", SCHEMAS["Outcome"]["enum"]),
        ("ExportFormat", SCHEMAS["ExportFormat"]["enum"]),
        ("OrderStatus", SCHEMAS["OrderStatus"]["enum"]),
    ):
        assert SCHEMAS[name]["enum"] == values
        for value in values:
            assert f"| `{value}` | " in SCHEMAS[name]["description"], (name, value)
    assert SCHEMAS["Relation"]["enum"] == list(Relation)
