"""Makes orders of the documents of a file, some at a time: what is there already stays, all else goes the way of issue.

Orders are written by `app.orders.issuing`; what a document says of one that is there, `carrying_out` does. None of the
rules of orders stands here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.pace import unhurried
from app.errors import InvalidRequest, Problem
from app.exchange import carrying_out, repository
from app.exchange.documents import ORDER_FIELDS, Document, Fault, Kind, content_of_order, differences
from app.http.errors import MissingScope
from app.numbers.number_issuer import NumberIssuer
from app.numbers.number_keys import MalformedNumber, number_key
from app.orders import issuing, policy_repository
from app.orders import repository as orders
from app.orders.errors import DuplicateNumber, DuplicateReference
from app.orders.new_orders import dates_said
from app.orders.policies import DEFAULT_POLICY, Policy, dates_at_issue
from app.orders.schemas import IssuePurchaseOrder, PurchaseOrder
from app.orders.views import purchase_order
from app.principal import Principal, Relation, Scope

_ORDER: Final[TypeAdapter[IssuePurchaseOrder]] = TypeAdapter(IssuePurchaseOrder)
_FAULTS_SHOWN: Final = 20
_TEXT_SHOWN: Final = 500


@dataclass(frozen=True, slots=True)
class Job:
    """What is imported for whom; `currency` is that of prices where the file names none."""

    id: UUID
    caller: Principal
    currency: str | None
    dry_run: bool


@dataclass(slots=True)
class Result:
    """What has become of a document."""

    outcome: str
    number: str | None = None
    code: str | None = None
    faults: Sequence[Fault] = field(default_factory=list)
    """The first says the reason."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An order that a file asks for, valid by itself, with the key of its number."""

    document: Document
    body: IssuePurchaseOrder
    key: str | None


async def settle(
    connection: AsyncConnection, issuer: NumberIssuer, job: Job, documents: Sequence[Document]
) -> list[Result]:
    """Carry out what documents ask for in the running transaction, and return what has become of each.

    Of a dry run the caller takes everything back again.
    """
    results: dict[int, Result] = {}
    wanted: dict[int, _Wanted] = {}
    async for place, document in unhurried(enumerate(documents)):
        if document.faults:
            results[place] = Result("refused", document.number, "invalid", document.faults)
        elif (missing := _missing_scope(document, job.caller)) is not None:
            results[place] = _refused(document, missing)
        elif document.kind is Kind.ORDER:
            judged = _judged(document, job)
            if isinstance(judged, Result):
                results[place] = judged
            else:
                wanted[place] = judged
    results |= await _compared(connection, job, wanted)
    new = [place for place in wanted if place not in results]
    results |= await _issued(connection, issuer, job, {place: wanted[place] for place in new})
    # What was taken in between, or by an earlier document of the file, may be the same order.
    beaten = {place: wanted[place] for place in new if results[place].code in _BEATEN}
    results |= await _compared(connection, job, beaten)
    for place, document in enumerate(documents):
        if place not in results:
            outcome = await carrying_out.carry_out(connection, job.caller, job.id, document)
            results[place] = _of_change(document, outcome)
    return [results[place] for place in range(len(documents))]


def rows_of(job: Job, first: int, documents: Sequence[Document], results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return the rows of the report; `first` is the number of the first document."""
    return [
        {
            "import_id": job.id,
            "document": first + place,
            "line": document.line,
            "number": storable(result.number or document.number),
            "reference": storable(document.reference),
            "outcome": result.outcome,
            "code": result.code,
            "reason": storable(_reason(result.faults[0])) if result.faults else None,
            "errors": [
                {"place": storable(fault.place), "code": fault.code, "message": storable(fault.message)}
                for fault in result.faults[:_FAULTS_SHOWN]
            ],
            "notes": [storable(note) for note in document.notes[:_FAULTS_SHOWN]],
        }
        for place, (document, result) in enumerate(zip(documents, results, strict=True))
    ]


def identities(document: Document) -> Iterable[tuple[str, int]]:
    """Yield by what an order of a file is known, with what stands for all that it says."""
    if document.kind is Kind.ORDER and not document.faults:
        said = hash(repr(document.content))
        if document.number is not None:
            yield f"number {''.join(document.number.upper().split()).replace('-', '')}", said
        if document.reference is not None:
            yield f"reference {document.reference}", said


def against_earlier(
    documents: Sequence[Document], results: Sequence[Result], earlier: Mapping[str, int]
) -> list[Result]:
    """Return the results of a dry run with what earlier documents of the file would have made in mind."""
    judged = []
    for document, result in zip(documents, results, strict=True):
        met = [earlier[name] == said for name, said in identities(document) if name in earlier]
        if result.outcome != "created" or not met:
            judged.append(result)
        elif all(met):
            judged.append(Result("unchanged"))
        else:
            message = "An earlier order of the file has the same number or reference, and says something else"
            judged.append(Result("refused", None, "differs", [Fault(_beginning(document), "differs", message)]))
    return judged


_OF_SHIPMENTS: Final = frozenset({Kind.TRACKING, Kind.SHIP_NOTICE})


def _missing_scope(document: Document, caller: Principal) -> MissingScope | None:
    """Return the problem of a document about orders from a key that may import messages about shipments alone.

    Of these it is asked where they are carried out, of answers to orders besides.
    """
    if document.kind in _OF_SHIPMENTS or Scope.ORDERS_WRITE in caller.scopes:
        return None
    return MissingScope("Orders and what is said of them are imported with the scope orders:write.")


_BEATEN: Final = frozenset({DuplicateNumber.code, DuplicateReference.code})


def _judged(document: Document, job: Job) -> "_Wanted | Result":
    content = dict(document.content)
    lines = content.get("lines")
    priced = isinstance(lines, list) and any(isinstance(line, dict) and "unit_price" in line for line in lines)
    if priced and job.currency is not None:
        content.setdefault("currency", job.currency)
    if job.dry_run and "number" not in content:
        # Drawn numbers do not come back. One of a form that no format has stands for the number, and is taken back.
        content["number"] = f"dry run {job.id.hex[:12]} {id(document):x}"
        content.pop("format_id", None)
    try:
        body = _ORDER.validate_python(content)
    except ValidationError as error:
        faults = [
            Fault(document.place_of(tuple(one["loc"])), one["type"], one["msg"])
            for one in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        return Result("refused", document.number, "invalid", faults)
    try:
        key = None if document.number is None or body.number is None else number_key(body.number)
    except MalformedNumber as malformed:
        fault = Fault(document.place_of(("number",)), f"number_{malformed.rule}", str(malformed))
        return Result("refused", document.number, "invalid", [fault])
    return _Wanted(document, body, key)


async def _compared(connection: AsyncConnection, job: Job, wanted: Mapping[int, _Wanted]) -> dict[int, Result]:
    """Return what has become of those that ask for an order which is there: it is the same, or it is not."""
    references = {one.body.reference for one in wanted.values() if one.body.reference is not None}
    keys = {one.key for one in wanted.values() if one.key is not None}
    rows, claimed = await repository.orders_known(connection, job.caller.organisation_id, keys, references)
    if not rows:
        return {}
    lines = await orders.lines_of(connection, rows)
    versions = await policy_repository.versions_of(connection, [job.caller.organisation_id])
    policies = {one.version: one.policy for one in versions[job.caller.organisation_id]}
    known = {row.number_key: row for row in rows}
    results: dict[int, Result] = {}
    async for place, one in unhurried(wanted.items()):
        key = one.key if one.key is not None else claimed.get(one.body.reference or "")
        row = known.get(key or "")
        if row is not None:
            found = [line._asdict() for line in lines[row.number_key, row.organisation_id]]
            stored = purchase_order(row._asdict(), found, Relation.OWNER, row.read_at)
            policy = policies.get(row.policy_version, DEFAULT_POLICY)
            results[place] = _same_or_not(one, stored, policy, job)
    return results


def _same_or_not(wanted: _Wanted, stored: PurchaseOrder, policy: Policy, job: Job) -> Result:
    body = wanted.body
    if stored.issued_at is not None:
        # What the policy has filled in where the file said nothing is what the file asked for.
        body = body.model_copy(update=asdict(dates_at_issue(policy, dates_said(body), stored.issued_at)))
    said = body.model_dump(mode="json", include=set(ORDER_FIELDS))
    shown = stored.model_dump(mode="json")
    ours = content_of_order(shown) | ({"buyer": shown["buyer"]} if shown["buyer"] else {})
    different = differences(said, ours, str(job.caller.organisation_id))
    if not different:
        return Result("unchanged", stored.number)
    told = ", ".join(f"`{name}`" for name in different)
    message = f"There is an order {stored.number} already, and it says something else about {told}"
    faults = [Fault(wanted.document.place_of((name,)), "differs", message) for name in different]
    return Result("refused", stored.number, "differs", faults)


async def _issued(
    connection: AsyncConnection, issuer: NumberIssuer, job: Job, wanted: Mapping[int, _Wanted]
) -> dict[int, Result]:
    if not wanted:
        return {}
    outcomes = await issuing.issue_many(connection, job.caller, issuer, [one.body for one in wanted.values()])
    results: dict[int, Result] = {}
    for (place, one), outcome in zip(wanted.items(), outcomes, strict=True):
        if isinstance(outcome, Problem):
            results[place] = _refused(one.document, outcome)
        else:
            results[place] = Result("created", None if job.dry_run else outcome.number)
    return results


def _of_change(document: Document, outcome: "str | Problem") -> Result:
    return _refused(document, outcome) if isinstance(outcome, Problem) else Result(outcome, document.number)


def _refused(document: Document, problem: Problem) -> Result:
    errors = problem.members.get("errors")
    if not isinstance(problem, InvalidRequest) or not isinstance(errors, list):
        return Result(
            "refused", document.number, problem.code, [Fault(_beginning(document), problem.code, problem.detail)]
        )
    return Result("refused", document.number, "invalid", list(_faults(document, errors)))


def _faults(document: Document, errors: Iterable[Any]) -> Iterable[Fault]:
    for error in errors:
        yield Fault(document.place_of(tuple(error["loc"][1:])), error["code"], error["message"])


def _beginning(document: Document) -> str:
    return document.place_of(("number",)) if ("number",) in document.places else f"line {document.line}"


def _reason(fault: Fault) -> str:
    return f"{fault.place}: {fault.message}"


def storable(text: str | None) -> str | None:
    """Return a text that Postgres stores and people can read, whatever a file holds."""
    if text is None:
        return None
    shown = text[:_TEXT_SHOWN].encode("utf-8", "replace").decode()
    return "".join(character if character.isprintable() else "\ufffd" for character in shown)
