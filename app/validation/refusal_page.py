"""docs/refusal-codes.md, made from the vocabulary of refusals, so that the page cannot say anything else than the gate.

`make pages` writes it anew.
"""

from typing import Final

from app.orders.causes import CAUSE_MEANINGS
from app.validation.refusal_codes import (
    CAUSES,
    FIELDS,
    REFUSAL_CODES,
    ContactDesk,
    RefusalCode,
    Verdict,
)

_INTRODUCTION: Final = """\
# Why a number is not accepted

`GET` and `POST /v1/validations` answer 200 with a `verdict` whenever the question could be answered. `accept` comes
with no refusal; every other verdict lists each reason as a refusal with one of the codes below, what rejects first. The
set is closed: a new reason gets a new code in a new version.

- `code`, `next_step.action` and `next_step.then` are for programs and never change their meaning.
- `title` and `next_step.description` are for the person at the gate: show them as they are.
- `detail` says what is wrong with this order, with dates and quantities for those whom the order names; who only
  presents the number reads the sentence below.
- `field` is the way to the member of the request that does not fit, where it is the request that does not.
- `next_step.contact` is whom to call. A party's own contact point comes first, then the buyer's for that desk, then the
  party's telephone; null where nobody has said how to be reached.

Where the database is out of reach there is no verdict but 503 `temporarily_unavailable` with `Retry-After`: hold the
goods and ask again. It says nothing against the number.
"""

_CAUSES_INTRODUCTION: Final = """\
Where the next step has not helped, open a support case with the cause as its `category`: `POST /v1/support-cases`. For
whom the order names, `next_step.then_href` is that path.
"""

_VERDICTS: Final = {
    Verdict.hold: "## Hold\n\nKeep the goods waiting: this may become good without a change of the order.\n",
    Verdict.reject: "## Reject\n\nNot without a change, of the number, of the order or of the delivery.\n",
}

_DESKS: Final = {
    ContactDesk.buyer_desk: "the buyer",
    ContactDesk.supplier_desk: "the supplier",
    ContactDesk.logistics: "the logistics partner at the destination",
}


def refusal_page() -> str:
    """The page in Markdown, ending in one newline."""
    sections = [_INTRODUCTION]
    for verdict, introduction in _VERDICTS.items():
        codes = [code for code, rule in REFUSAL_CODES.items() if rule.verdict is verdict]
        sections += [introduction, *map(_section, codes)]
    return "\n".join([*sections, "## Causes\n", _CAUSES_INTRODUCTION, _causes()])


def refusal_meaning(code: RefusalCode) -> str:
    """What a code says and asks for, in one paragraph: for the API's document."""
    rule = REFUSAL_CODES[code]
    return f"{rule.verdict}. {rule.explanation} *{rule.description}*"


def _section(code: RefusalCode) -> str:
    rule = REFUSAL_CODES[code]
    (cause,) = [cause for cause, codes in CAUSES.items() if code in codes]
    fields = ", ".join(f"`{field}`" for field in FIELDS.get(code, ())) or "none"
    rows = (
        ("cause", f"{CAUSE_MEANINGS[cause]} (`{cause}`)"),
        ("field", fields),
        ("next step", f"{rule.description} (`{rule.action}`)"),
        ("contact", "nobody" if rule.contact is None else _DESKS[rule.contact]),
        ("where that does not help", "-" if rule.then is None else f"`{rule.then}`"),
    )
    table = "".join(f"| {name} | {words} |\n" for name, words in rows)
    return f"### `{code}`\n\n{rule.title}. {rule.explanation}\n\n| | |\n| --- | --- |\n{table}"


def _causes() -> str:
    rows = (
        f"| `{cause}` | {CAUSE_MEANINGS[cause]} | {', '.join(f'`{code}`' for code in codes)} |\n"
        for cause, codes in CAUSES.items()
    )
    return "| category | what is wrong with the number | codes |\n| --- | --- | --- |\n" + "".join(rows)
