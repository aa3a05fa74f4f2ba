"""Orders at random, with whatever a text may hold, for what goes out and has to come in again as it was."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from app.orders.acknowledgement_rules import REASONS, AcknowledgementDecision

AWKWARD = "*~>^|:;,'\"=+-@\\\n\t\r \u00e9\u4e2d\U0001f69b0aZ"
texts = (
    st.text(st.sampled_from(AWKWARD), min_size=1, max_size=12).filter(lambda text: bool(text.strip())).map(str.strip)
)
long_texts = st.text(st.sampled_from("ab *\n"), min_size=1, max_size=300).map(str.strip).filter(bool)
components = texts.map(lambda text: text[:40].strip()).filter(bool)


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


codes = st.text(st.sampled_from("ABC123"), min_size=2, max_size=4)

times = st.integers(0, 10**15).map(
    lambda more: _written(datetime(2040, 1, 1, tzinfo=UTC) + timedelta(microseconds=more // 4))
)
whole_seconds = times.map(lambda text: text[:19] + "Z")
moments = times | whole_seconds


@st.composite
def decimals(draw: st.DrawFn, least: str = "0.000001") -> str:
    value = draw(st.decimals(Decimal(least), Decimal("999999.999999"), places=draw(st.integers(0, 6))))
    text = f"{max(value, Decimal(least)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def sometimes(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=members)


addresses = sometimes(
    street=st.lists(texts, min_size=1, max_size=4), postal_code=texts, city=texts, region=texts, country=st.just("DE")
)
parties = st.fixed_dictionaries(
    {"name": texts},
    optional={
        "code": texts,
        "gln": st.just("4012345000009"),
        "phone": st.just("+49 40 555 0142"),
        "address": addresses.filter(bool),
    },
)
lines = st.fixed_dictionaries(
    {"sku": texts, "quantity": decimals(), "unit": st.sampled_from(["EA", "KGM", "box of 2"])},
    optional={
        "gtin": st.sampled_from(["4006381333931", "96385074", "036000291452", "10614141000415"]),
        "supplier_sku": texts,
        "description": texts | long_texts,
        "unit_price": decimals("0"),
        "tax": st.fixed_dictionaries(
            {"rate": st.sampled_from(["0", "7", "19", "5.5", "0.0001"])},
            optional={"type": st.sampled_from(["VAT", "GST", "sales", "a duty"])},
        ),
    },
)


def windows() -> st.SearchStrategy[dict[str, str]]:
    return st.lists(moments, min_size=2, max_size=2, unique_by=lambda text: text[:19]).map(
        lambda ends: dict(zip(("start", "end"), sorted(ends), strict=True))
    )


@st.composite
def contents(draw: st.DrawFn) -> dict[str, Any]:
    """What an order says, as the API shows it; without a number."""
    content = draw(
        sometimes(
            references=st.lists(
                st.fixed_dictionaries({"type": components | codes, "value": texts}), min_size=1, max_size=3
            ),
            buyer=parties,
            bill_to=parties,
            seller=parties,
            ship_to=parties,
            forwarders=st.lists(parties, min_size=1, max_size=2),
            requested_by=texts,
            lines=st.lists(lines, min_size=1, max_size=3),
            currency=st.just("EUR"),
            payment_methods=st.lists(texts, min_size=1, max_size=2),
            payment_terms=texts | long_texts.map(lambda text: text[:200].strip()).filter(bool),
            freight_terms=texts,
            cost_center=components,
            category=components,
            location=components,
            activate_by=whole_seconds.map(lambda text: "2040" + text[4:]),
            valid_from=moments.map(lambda text: "2044" + text[4:]),
            expires_at=moments.map(lambda text: "2052" + text[4:]),
            ship_window=windows(),
            delivery_window=windows(),
            metadata=st.dictionaries(components, texts | st.just(""), min_size=1, max_size=3)
            | st.fixed_dictionaries({"order_date": st.just("2036-01-04"), "order_type": texts}),
        )
    )
    if any("unit_price" in line for line in content.get("lines", ())):
        content["currency"] = "EUR"
    return content


@st.composite
def _parts(draw: st.DrawFn, ordered: Decimal) -> list[dict[str, Any]]:
    """What a seller may say of a line: one to three decisions that add up to what was ordered."""
    parts = []
    left = ordered
    for last in [False] * draw(st.integers(0, 2)) + [True]:
        quantity = left if last else (left * draw(st.integers(1, 9)) / 10).quantize(Decimal("0.000001"))
        if quantity <= 0 or (not last and quantity >= left):
            continue
        left -= quantity
        decision = draw(st.sampled_from(AcknowledgementDecision))
        reasons = [str(reason) for reason, rule in REASONS.items() if decision in rule.decisions]
        part = {"decision": str(decision), "quantity": f"{quantity:f}"}
        part |= draw(sometimes(reason=st.sampled_from(reasons)))
        if decision is not AcknowledgementDecision.rejected:
            names = draw(st.sampled_from([[], ["ship"], ["delivery"], ["ship", "delivery"]]))
            days = sorted(draw(st.lists(moments, min_size=len(names), max_size=len(names))), key=datetime.fromisoformat)
            part |= {f"scheduled_{name}_date": day for name, day in zip(names, days, strict=True)}
        parts.append(part)
    return parts


@st.composite
def acknowledgements(draw: st.DrawFn, quantities: dict[int, str]) -> dict[str, Any]:
    """A body of `confirm` for an order with these lines."""
    body = draw(sometimes(contract_number=texts, invoice_number=texts))
    spoken = draw(st.lists(st.sampled_from(sorted(quantities)), unique=True)) if quantities else []
    body["lines"] = [{"line": line, "decisions": draw(_parts(Decimal(quantities[line])))} for line in sorted(spoken)]
    return body
