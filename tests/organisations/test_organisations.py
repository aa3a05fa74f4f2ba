"""Organisations: the operator's directory of parties."""

from tests.parties import Operator, Party

ORGANISATIONS = "/v1/organisations"


def test_an_organisation_is_created_read_listed_and_changed(operator: Operator) -> None:
    body = {
        "name": "Nordwind",
        "kinds": ["buyer"],
        "address": {"street": ["Kai 1"], "city": "Hamburg", "country": "DE"},
        "phone": "+49 40 1",
        "contact_points": {"buyer_desk": {"email": "desk@nordwind.example"}},
    }
    made = operator.post(ORGANISATIONS, body)
    assert made.status_code == 201
    path = made.headers["Location"]
    read = operator.get(path)
    assert read.json() == made.json()
    assert operator.get(path, headers={"If-None-Match": read.headers["ETag"]}).status_code == 304
    changed = operator.patch(path, {"phone": None, "name": "Nordwind SE"}, headers={"If-Match": read.headers["ETag"]})
    assert changed.status_code == 200
    assert (changed.json()["phone"], changed.json()["name"], changed.json()["kinds"]) == (
        None,
        "Nordwind SE",
        ["buyer"],
    )
    assert changed.headers["ETag"] != read.headers["ETag"]


def test_a_change_needs_the_etag_of_what_was_read(operator: Operator) -> None:
    made = operator.post(ORGANISATIONS, {"name": "Nordwind"})
    path = made.headers["Location"]
    answer = operator.patch(path, {"name": "A"})
    assert (answer.status_code, answer.json()["code"]) == (428, "precondition_required")
    assert operator.patch(path, {"name": "A"}, headers={"If-Match": made.headers["ETag"]}).status_code == 200
    answer = operator.patch(path, {"name": "B"}, headers={"If-Match": made.headers["ETag"]})
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    assert operator.get(path).json()["name"] == "A"


def test_all_organisations_stand_in_the_list_once(operator: Operator) -> None:
    made = [operator.post(ORGANISATIONS, {"name": f"N{n}"}).json()["id"] for n in range(3)]
    seen: list[str] = []
    answer = operator.get(ORGANISATIONS, params={"limit": 50})
    while "next" in answer.links:
        seen += [entry["id"] for entry in answer.json()["data"]]
        answer = operator.get(answer.links["next"]["url"])
    seen += [entry["id"] for entry in answer.json()["data"]]
    assert len(seen) == len(set(seen))
    assert [entry for entry in seen if entry in made] == made


def test_organisations_are_the_operators(buyer: Party) -> None:
    for answer in (
        buyer.get(ORGANISATIONS),
        buyer.get(f"{ORGANISATIONS}/{buyer.id}"),
        buyer.post(ORGANISATIONS, {"name": "x"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


def test_an_unknown_organisation_is_not_found(operator: Operator) -> None:
    answer = operator.get(f"{ORGANISATIONS}/0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_contact_point_can_be_reached(operator: Operator) -> None:
    answer = operator.post(ORGANISATIONS, {"name": "x", "contact_points": {"logistics": {"name": "Desk"}}})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", "contact_points", "logistics"]
