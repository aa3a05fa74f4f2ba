"""What the hot path writes as JSON."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic_core import to_json

from app.json_writer import write_json


class Colour(StrEnum):
    BLUE = "blue"


class Model(BaseModel):
    seen: datetime
    price: Decimal | None = None


zones = st.just(UTC) | st.just(timezone(timedelta(hours=-7)))
plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.datetimes(timezones=zones, min_value=datetime(1970, 1, 1))  # noqa: DTZ001 - the zone is drawn
    | st.dates(min_value=date(1970, 1, 1))
    | st.uuids()
    | st.sampled_from(Colour)
    | st.builds(Model, seen=st.datetimes(timezones=zones, min_value=datetime(1970, 1, 1)))  # noqa: DTZ001 - as above
)


@given(st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner), max_leaves=20))
def test_it_says_what_pydantic_says(value: object) -> None:
    assert json.loads(write_json(value)) == json.loads(to_json(value))


def test_moments_in_utc_end_in_z_and_decimals_keep_their_digits() -> None:
    written = write_json({"at": datetime(2036, 3, 1, 6, tzinfo=UTC), "price": Decimal("4.90"), "id": UUID(int=1)})
    assert written == b'{"at":"2036-03-01T06:00:00Z","price":"4.90","id":"00000000-0000-0000-0000-000000000001"}'


def test_what_has_no_form_in_json_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        write_json([object()])
