"""The questions that are put to the gate: one, or a manifest of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from app.db.pace import unhurried
from app.errors import InvalidRequest, Problem
from app.http.problems import invalid_item
from app.http.schemas import ProblemDetails
from app.numbers import service as numbers
from app.validation.delivery_schemas import DeliveryParty
from app.validation.inputs import Gs1Facts, MalformedInput, understand
from app.validation.schemas import InvalidItem, Source, ValidateBatch, ValidateInput

_ITEM: TypeAdapter[ValidateInput] = TypeAdapter(ValidateInput)


@dataclass(frozen=True, slots=True)
class Question:
    """An input with the keys that it may mean, best first; no keys: no number could look like it.

    `shows_order`: whether the answer is to bear what the caller may see of the order.
    """

    asked: ValidateInput
    keys: tuple[str, ...]
    source: Source
    number_text: str | None
    malformed: str | None
    shows_order: bool = True


@dataclass(frozen=True, slots=True)
class Manifest:
    """The questions of a batch by their index, and the items that are no question."""

    questions: Mapping[int, Question]
    invalid: Mapping[int, InvalidItem]


def question_of(asked: ValidateInput, *, shows_order: bool = True) -> Question:
    """Return the question that an input asks."""
    try:
        understood = understand(asked.input)
    except MalformedInput as error:
        return Question(asked, (), Source.TYPED, None, error.sentence, shows_order)
    asked = _with_scanned_destination(asked, understood.facts)
    return Question(asked, understood.keys, Source(understood.source), understood.number_text, None, shows_order)


def _with_scanned_destination(asked: ValidateInput, facts: Gs1Facts) -> ValidateInput:
    """Add to a delivery that is told without its destination the one that the label was printed for, AI (410)."""
    delivery = asked.delivery
    if delivery is None or delivery.ship_to is not None or facts.ship_to_gln is None:
        return asked
    scanned = delivery.model_copy(update={"ship_to": DeliveryParty(gln=facts.ship_to_gln)})
    return asked.model_copy(update={"delivery": scanned})


def well_formed(text: str) -> bool | None:
    """Return what an input says about itself while no database can be asked, scanned or typed: see `looks_issued`.

    False for an input that would be `malformed` too.
    """
    try:
        return numbers.looks_issued(understand(text).keys)
    except MalformedInput:
        return False


async def manifest_of(body: ValidateBatch, *, shows_orders: bool = True) -> Manifest:
    """Return the questions of a batch; each item is judged by itself."""
    questions: dict[int, Question] = {}
    invalid: dict[int, InvalidItem] = {}
    async for index, item in unhurried(enumerate(body.inputs)):
        try:
            asked = _ITEM.validate_python({"input": item} if isinstance(item, str) else item)
            if asked.receive is not None:
                invalid[index] = _invalid_item(index, _receives_alone(index))
            else:
                questions[index] = question_of(asked, shows_order=shows_orders)
        except ValidationError as error:
            invalid[index] = _invalid_item(index, invalid_item(error, ("body", "inputs", index)))
    return Manifest(questions, invalid)


def _invalid_item(index: int, problem: Problem) -> InvalidItem:
    return InvalidItem(index=index, problem=ProblemDetails.model_validate(problem.as_dict()))


def _receives_alone(index: int) -> Problem:
    return InvalidRequest.at(
        ["body", "inputs", index, "receive"],
        "not_in_a_batch",
        "Goods are received one order at a time: POST /v1/validations",
    )
