"""Imports over HTTP: what is answered, what is reported, and that a file which is sent twice changes nothing."""

import asyncio
import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from app.db.session import Database
from app.exchange import repository
from app.exchange.runner import ImportRunner
from app.numbers.number_issuer import NumberIssuer
from tests.exchange.files import counts, finished, imported, start
from tests.parties import Party, ahead

HEADER = "number,reference,sku,quantity\n"


def test_a_file_that_is_sent_twice_changes_nothing(buyer: Party) -> None:
    file = HEADER + "A1,,X,1\nA1,,Y,2\n,R1,X,1\n,R2,,\n"
    assert counts(imported(buyer, file)) == {"created": 3}
    orders = buyer.get("/v1/purchase-orders").json()["data"]
    assert counts(imported(buyer, file)) == {"unchanged": 3}
    assert buyer.get("/v1/purchase-orders").json()["data"] == orders
    assert [order["origin"] for order in orders] == ["issued", "issued", "registered"]


def test_an_order_that_is_there_and_says_something_else_is_refused_and_stays(buyer: Party) -> None:
    order = buyer.issue(number="A1", reference="R1", lines=[{"sku": "X", "quantity": "1"}])
    found = imported(buyer, HEADER + "A1,R1,X,2\nA1,R1,Y,1\nA2,R1,X,1\n,R1,X,1\n")
    assert counts(found) == {"refused": 2, "unchanged": 1}
    first, second = found["report"]["data"]
    assert (first["document"], first["line"], first["number"], first["code"]) == (1, 2, "A1", "differs")
    assert "`lines`" in first["reason"]
    assert (second["document"], second["code"]) == (2, "duplicate_reference")
    assert buyer.get("/v1/purchase-orders/A1").json() == order


def test_what_changed_since_an_order_was_imported_stays(buyer: Party) -> None:
    file = "number,expires_at\nA1,2040-01-01\n"
    assert counts(imported(buyer, file)) == {"created": 1}
    order = buyer.get("/v1/purchase-orders/A1").json()
    buyer.act(order, "extend", expires_at="2041-01-01T00:00:00Z")
    found = imported(buyer, file)
    assert counts(found) == {"refused": 1}
    assert "`expires_at`" in found["report"]["data"][0]["reason"]


def test_a_file_may_repeat_an_order(buyer: Party) -> None:
    assert counts(imported(buyer, HEADER + "A1,,X,1\nA2,,X,1\nA1,,X,1\nA2,,X,2\n")) == {
        "created": 2,
        "unchanged": 1,
        "refused": 1,
    }


def test_a_dry_run_says_what_would_become_of_documents_and_keeps_nothing(
    buyer: Party, sql: Callable[..., list[dict[str, Any]]]
) -> None:
    buyer.issue(number="A1", lines=[{"sku": "X", "quantity": "1"}])
    file = HEADER + "A1,,X,1\nA2,,X,1\n,R1,X,1\nA3,,X,0\nA2,,X,1\nA1,,X,2\nA2,,X,9\n"
    found = finished(buyer, start(buyer, file, dry_run=True), outcome="created")
    assert counts(found) == {"created": 2, "unchanged": 2, "refused": 3}
    assert [one["number"] for one in found["report"]["data"]] == ["A2", None]
    assert len(buyer.get("/v1/purchase-orders").json()["data"]) == 1
    assert sql("SELECT 1 FROM reference_claims WHERE organisation_id = $1", buyer.id) == []
    assert counts(imported(buyer, file)) == {"created": 2, "unchanged": 2, "refused": 3}


def test_a_dry_run_of_many_batches_remembers_what_it_would_have_made(buyer: Party) -> None:
    rows = "".join(f"D{place},,X,1\n" for place in range(450))
    assert counts(imported(buyer, HEADER + rows + rows, dry_run=True)) == {"created": 450, "unchanged": 450}


def test_a_report_is_read_page_by_page_with_the_outcomes_that_are_asked_for(buyer: Party) -> None:
    found = imported(buyer, HEADER + "".join(f"A{place},,X,{place % 2}\n" for place in range(10)))
    assert counts(found) == {"created": 5, "refused": 5}
    lines, path = [], f"/v1/imports/{found['id']}?limit=2"
    while True:
        answer = buyer.get(path)
        lines += [one["line"] for one in answer.json()["report"]["data"]]
        cursor = answer.json()["report"]["next_cursor"]
        assert ("next" in answer.links) == (cursor is not None)
        if cursor is None:
            break
        path = answer.links["next"]["url"]
    assert lines == [2, 4, 6, 8, 10]
    both = buyer.get(f"/v1/imports/{found['id']}?outcome=created&outcome=refused").json()
    assert [one["document"] for one in both["report"]["data"]] == list(range(1, 11))
    assert buyer.get(f"/v1/imports/{found['id']}?cursor=nonsense").status_code == 422


def test_progress_has_an_etag(buyer: Party) -> None:
    found = imported(buyer, HEADER + "A1,,X,1\n")
    etag = buyer.get(f"/v1/imports/{found['id']}").headers["ETag"]
    assert buyer.get(f"/v1/imports/{found['id']}", headers={"If-None-Match": etag}).status_code == 304


def test_an_import_is_nobody_elses(buyer: Party, stranger: Party) -> None:
    import_id = start(buyer, HEADER + "A1,,X,1\n")
    answer = stranger.get(f"/v1/imports/{import_id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_replay_makes_no_second_import_and_another_file_under_its_key_is_refused(buyer: Party) -> None:
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    first = buyer.http.post("/v1/imports", content=HEADER + "A1,,X,1\n", headers=headers)
    again = buyer.http.post("/v1/imports", content=HEADER + "A1,,X,1\n", headers=headers)
    assert again.status_code == 202
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    other = buyer.http.post("/v1/imports", content=HEADER + "A2,,X,1\n", headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("content", "parameters", "status", "code"),
    [
        (b"", {}, 422, "invalid_request"),
        (HEADER.encode(), {"format": "edifact"}, 422, "invalid_request"),
        (HEADER.encode(), {"currency": "euro"}, 422, "invalid_request"),
        (HEADER.encode(), {"dry_run": "perhaps"}, 422, "invalid_request"),
        (b"x" * (50 * 1024 * 1024 + 1), {}, 413, "content_too_large"),
    ],
)
def test_what_is_no_file_to_import_is_refused_at_once(
    content: bytes, parameters: dict[str, str], status: int, code: str, buyer: Party
) -> None:
    answer = buyer.http.post("/v1/imports", content=content, params=parameters)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_file_without_a_stated_length_ends_at_the_limit_too(buyer: Party) -> None:
    answer = buyer.http.post("/v1/imports", content=(b"x" * 1024 * 1024 for _ in range(51)))
    assert (answer.status_code, answer.json()["code"]) == (413, "content_too_large")


def test_files_do_not_pile_up_without_end(buyer: Party, sql: Callable[..., list[dict[str, Any]]]) -> None:
    waiting = (
        "INSERT INTO imports SELECT gen_random_uuid(), $1, $2, '{}', 'csv', NULL, false, 1, 1, 'running', NULL, "
        "0, 0, 0, 0, 0, 1, now() + interval '1 hour', now(), now() FROM generate_series(1, 20)"
    )
    sql(waiting, buyer.id, secrets.token_hex(16))
    answer = buyer.http.post("/v1/imports", content=HEADER + "A1,,X,1\n")
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_imports")
    sql("DELETE FROM imports WHERE organisation_id = $1", buyer.id)
    assert counts(imported(buyer, HEADER + "A1,,X,1\n")) == {"created": 1}


def test_a_form_that_is_said_outweighs_what_the_file_begins_with(buyer: Party) -> None:
    found = imported(buyer, HEADER + "A1,,X,1\n", format="x12")
    assert (found["status"], found["fault"]["code"], found["format"]) == ("failed", "x12_start", "x12")


def test_what_came_before_a_break_is_done_and_the_import_says_where_it_broke(buyer: Party) -> None:
    found = imported(buyer, HEADER + 'A0,,X,1\nA1,,X,1\nA2,,"X,1\n')
    assert (found["status"], found["fault"]["line"], found["fault"]["code"]) == ("failed", 4, "csv_syntax")
    assert counts(found) == {"created": 1, "refused": 1}
    assert "may be one of its lines" in found["report"]["data"][0]["reason"]


def test_numbers_of_our_own_form_are_refused_where_they_are_not_the_buyers_own(buyer: Party, stranger: Party) -> None:
    order = buyer.issue()
    assert counts(imported(buyer, f"number\n{order['number']}\n")) == {"unchanged": 1}
    found = imported(stranger, f"number\n{order['number']}\n")
    assert found["report"]["data"][0]["code"] == "reserved_number"


def test_an_organisations_files_take_effect_in_the_order_in_which_they_came(buyer: Party) -> None:
    # The first takes far longer than the others, which several workers could do meanwhile.
    first = start(buyer, HEADER + "".join(f"B{place},,X,1\n" for place in range(600)) + "A1,,X,1\n")
    others = [start(buyer, HEADER + f"A1,,X,{place}\n") for place in range(2, 5)]
    assert [counts(finished(buyer, one)) for one in others] == [{"refused": 1}] * 3
    assert counts(finished(buyer, first)) == {"created": 601}


def test_an_export_tells_nobody_more_than_the_api_does(buyer: Party, seller: Party, warehouse: Party) -> None:
    buyer.issue(
        seller={"organisation_id": seller.id, "code": "S-1042"},
        ship_to={"organisation_id": warehouse.id},
        currency="EUR",
        metadata={"margin": "40"},
        lines=[{"sku": "X", "quantity": "1", "unit_price": "777.77"}],
    )
    for form in ("csv", "x12_850"):
        path = f"/v1/exports/purchase-orders?format={form}"
        assert "777.77" in buyer.get(path).text
        assert "margin" in buyer.get(path).text
        assert "777.77" in seller.get(path).text
        assert "margin" not in seller.get(path).text
        assert "777.77" not in warehouse.get(path).text
        assert "S-1042" not in warehouse.get(path).text


def test_an_export_has_the_orders_that_the_list_has_under_the_same_filters(buyer: Party) -> None:
    batch = [{"number": f"E{place}", "draft": place == 7} for place in range(205)]
    buyer.post("/v1/purchase-orders/batch", {"purchase_orders": batch})
    rows = buyer.get("/v1/exports/purchase-orders").text.splitlines()
    assert [row.partition(",")[0] for row in rows[1:]] == [f"E{place}" for place in range(204, -1, -1)]
    x12 = buyer.get("/v1/exports/purchase-orders?format=x12_850").text
    assert (x12.count("\nST*850"), x12.count("ISA*")) == (204, 3)
    assert buyer.get("/v1/exports/purchase-orders?number=E5").text.splitlines()[1].startswith("E5,")
    assert len(buyer.get("/v1/exports/purchase-orders?role=seller").text.splitlines()) == 1
    assert buyer.get("/v1/exports/purchase-orders?format=x12_855").text == ""
    assert buyer.get("/v1/exports/purchase-orders?format=pdf").status_code == 422


async def test_of_several_who_take_up_one_import_each_document_is_done_once(buyer: Party, database: Database) -> None:
    """The lease ends under the one who works, again and again: whoever lost it does nothing more."""
    rows = "".join(f"L{place},,X,1\n" for place in range(500))
    issuer = NumberIssuer(database.beside(2))
    runners = [ImportRunner(database, issuer) for _ in range(3)]
    working = [asyncio.create_task(runner.run_for_ever()) for runner in runners]
    import_id = await asyncio.to_thread(start, buyer, HEADER + rows + json.dumps(ahead(days=1)) + ",,X,0\n")
    try:
        for _ in range(20):
            async with database.transaction() as connection:
                await connection.exec_driver_sql(
                    f"UPDATE imports SET leased_until = now() - interval '1 s' WHERE id = '{import_id}'"
                )
            for runner in runners:
                runner.wake()
            await asyncio.sleep(0.03)
        found = await asyncio.to_thread(finished, buyer, import_id)
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        await issuer.dispose()
    assert counts(found) == {"created": 500, "refused": 1}
    async with database.transaction() as connection:
        results = await repository.results(connection, found["id"], ["created", "refused"], 0, 1_000)
    assert [one.document for one in results] == list(range(1, 502))
