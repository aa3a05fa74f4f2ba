"""More clients than the gate can serve: those beyond a bound get 503, and the others their answer in time."""

import asyncio
from collections.abc import Iterator

import pytest

from app.http.crowd import Crowd
from app.settings import Settings
from tests.conftest import serving
from tests.http.test_database_away import unavailable
from tests.parties import Operator


@pytest.fixture(scope="module")
def narrow_gate(database_url: str, operator: Operator) -> Iterator[tuple[Operator, serving]]:
    server = serving(
        Settings.model_validate({"DATABASE_URL": database_url, "LOG_LEVEL": "error", "BACKGROUND_WORK": "false"})
    )
    with server as url, Operator(url, operator.key) as operator_there:
        yield operator_there, server


def test_who_is_too_many_is_held_with_what_his_text_says(narrow_gate: tuple[Operator, serving]) -> None:
    operator, server = narrow_gate
    number = operator.active()["number"]
    server.application.state.gate_crowd = Crowd(0)
    assert unavailable(operator.get(f"/v1/validations/{number}"))["well_formed"] is True
    assert unavailable(operator.post("/v1/validations", {"input": f"]C1400{number}"}))["well_formed"] is True
    assert unavailable(operator.post("/v1/validations/batch", {"inputs": [number]}))["well_formed"] is None
    assert operator.get(f"/v1/purchase-orders/{number}").status_code == 200


async def test_of_a_crowd_some_are_answered_and_the_others_held(
    narrow_gate: tuple[Operator, serving],
) -> None:
    operator, server = narrow_gate
    number = (await asyncio.to_thread(operator.active))["number"]
    server.application.state.gate_crowd = Crowd(4)
    async with operator.asynchronous() as client:

        async def ask() -> int:
            answer = await client.get(f"/v1/validations/{number}")
            if answer.status_code != 200:
                unavailable(answer)
            return answer.status_code

        first = await asyncio.gather(*(ask() for _ in range(60)))
        assert {200, 503} == set(first)
        # Those who were held have left, and take no place from those who come now.
        assert await asyncio.gather(*(ask() for _ in range(4))) == [200] * 4
