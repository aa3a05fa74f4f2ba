"""API keys: made, shown once, hashed, rotated, revoked, and never more powerful than their maker."""

import hashlib
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.parties import EVERY_SCOPE, Party, ahead

KEYS = "/v1/api-keys"
Sql = Callable[..., list[Any]]


def answers_with(server: str, key: str) -> int:
    return httpx.get(f"{server}/v1/number-formats", headers={"Authorization": f"Bearer {key}"}).status_code


def ends_within_a_second(server: str, key: str) -> bool:
    """Whether the key stops; the second is the contract's, and a busy machine is given one more."""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        if answers_with(server, key) == 401:
            return True
        time.sleep(0.05)
    return False


def test_a_secret_is_shown_once_and_only_its_hash_is_kept(buyer: Party, sql: Sql) -> None:
    made = buyer.post(KEYS, {"name": "gate", "scopes": ["validate"]}).json()
    assert made["key"].startswith("por_live_")
    listed = buyer.get(KEYS).json()["data"]
    assert [entry for entry in listed if entry["id"] == made["id"]] == [
        {name: value for name, value in made.items() if name != "key"}
    ]
    (row,) = sql("SELECT secret_hash FROM api_key_secrets WHERE api_key_id = $1", made["id"])
    assert row["secret_hash"] == hashlib.sha256(made["key"].encode()).digest()
    assert made["hint"].endswith(made["key"][-4:])
    dump = sql("SELECT coalesce(string_agg(a::text, ''), '') AS text FROM audit_events a")[0]["text"]
    assert made["key"] not in dump


def test_a_revoked_key_stops_within_a_second(buyer: Party, server: str) -> None:
    made = buyer.post(KEYS, {"name": "gate", "scopes": ["validate"]}).json()
    assert answers_with(server, made["key"]) == 200
    revoked = buyer.post(f"{KEYS}/{made['id']}/revoke").json()
    assert revoked["revoked_at"] is not None
    assert ends_within_a_second(server, made["key"])
    assert buyer.post(f"{KEYS}/{made['id']}/revoke").json() == revoked


def test_a_rotated_key_gets_a_new_secret_and_the_old_one_stops(buyer: Party, server: str) -> None:
    made = buyer.post(KEYS, {"name": "gate", "scopes": ["validate"]}).json()
    assert answers_with(server, made["key"]) == 200
    rotated = buyer.post(f"{KEYS}/{made['id']}/rotate").json()
    assert (rotated["id"], rotated["scopes"]) == (made["id"], made["scopes"])
    assert rotated["hint"].endswith(rotated["key"][-4:])
    assert answers_with(server, rotated["key"]) == 200
    assert ends_within_a_second(server, made["key"])


def test_a_rotation_may_leave_the_old_secret_for_a_while(buyer: Party, server: str, sql: Sql) -> None:
    made = buyer.post(KEYS, {"name": "gate", "scopes": ["validate"]}).json()
    buyer.post(f"{KEYS}/{made['id']}/rotate", {"overlap_seconds": 3600})
    time.sleep(1.1)
    assert answers_with(server, made["key"]) == 200
    sql("UPDATE api_key_secrets SET expires_at = now() WHERE expires_at IS NOT NULL AND api_key_id = $1", made["id"])
    assert ends_within_a_second(server, made["key"])


def test_a_key_ends_at_its_time(buyer: Party, server: str) -> None:
    key = buyer.key_with("validate", expires_at=ahead(seconds=1))
    assert answers_with(server, key) == 200
    assert ends_within_a_second(server, key)


def test_a_revoked_key_is_not_rotated(buyer: Party) -> None:
    made = buyer.post(KEYS, {"name": "gate", "scopes": ["validate"]}).json()
    buyer.post(f"{KEYS}/{made['id']}/revoke")
    answer = buyer.post(f"{KEYS}/{made['id']}/rotate")
    assert (answer.status_code, answer.json()["code"]) == (409, "api_key_revoked")


def test_a_key_that_has_ended_is_neither_made_nor_rotated(buyer: Party, sql: Sql) -> None:
    answer = buyer.post(KEYS, {"name": "late", "scopes": ["validate"], "expires_at": "2020-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "in_the_past")
    made = buyer.post(KEYS, {"name": "gate", "scopes": ["validate"], "expires_at": ahead(days=1)}).json()
    sql("UPDATE api_keys SET expires_at = now() WHERE id = $1", made["id"])
    assert buyer.post(f"{KEYS}/{made['id']}/rotate").json()["code"] == "api_key_revoked"


def test_no_key_grants_or_takes_over_scopes_that_it_lacks(buyer: Party, server: str) -> None:
    powerful = buyer.post(KEYS, {"name": "all", "scopes": [str(scope) for scope in EVERY_SCOPE]}).json()
    with Party(server, buyer.id, buyer.key_with("keys:write", "validate")) as clerk:
        answer = clerk.post(KEYS, {"name": "more", "scopes": ["validate", "receive"]})
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_not_held")
        assert answer.json()["scopes"] == ["receive"]
        # Rotating hands out the secret: it would be a way around the rule.
        answer = clerk.post(f"{KEYS}/{powerful['id']}/rotate")
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_not_held")
        assert clerk.post(KEYS, {"name": "same", "scopes": ["validate"]}).status_code == 201
    assert buyer.post(KEYS, {"name": "op", "scopes": ["admin"]}).status_code == 403


def test_keys_of_another_organisation_are_the_operators(buyer: Party, stranger: Party, operator: Party) -> None:
    body = {"organisation_id": stranger.id, "name": "x", "scopes": ["validate"]}
    assert buyer.post(KEYS, body).json()["code"] == "operator_only"
    assert buyer.get(KEYS, params={"organisation_id": stranger.id}).json()["code"] == "operator_only"
    made = operator.post(KEYS, body)
    assert (made.status_code, made.json()["organisation_id"]) == (201, stranger.id)
    assert buyer.post(f"{KEYS}/{made.json()['id']}/revoke").status_code == 404
    assert buyer.post(f"{KEYS}/{made.json()['id']}/rotate").status_code == 404
    assert operator.get(KEYS, params={"organisation_id": stranger.id}).json()["data"][-1]["id"] == made.json()["id"]
    assert operator.post(f"{KEYS}/{made.json()['id']}/revoke").status_code == 200


def test_a_key_for_an_unknown_organisation_is_refused(operator: Party) -> None:
    body = {"organisation_id": "0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07", "name": "x", "scopes": ["validate"]}
    assert operator.post(KEYS, body).json()["errors"][0]["code"] == "unknown_organisation"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "missing_api_key"),
        ("Basic abc", "missing_api_key"),
        ("Bearer", "missing_api_key"),
        ("Bearer nonsense", "invalid_api_key"),
        ("Bearer por_live_" + "a" * 40, "invalid_api_key"),
        ("Bearer por_live_" + "é" * 40, "invalid_api_key"),
    ],
)
def test_without_a_right_key_nothing_is_answered(server: str, header: str | None, code: str) -> None:
    headers = {} if header is None else {"Authorization": header.encode()}
    answer = httpx.get(f"{server}/v1/purchase-orders", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_who_made_and_ended_a_key_is_in_the_audit_trail(buyer: Party, sql: Sql) -> None:
    made = buyer.post(KEYS, {"name": "gate", "scopes": ["validate"]}).json()
    buyer.post(f"{KEYS}/{made['id']}/rotate")
    buyer.post(f"{KEYS}/{made['id']}/revoke")
    rows = sql(
        "SELECT type, actor_organisation_id FROM audit_events WHERE data->>'api_key_id' = $1 ORDER BY id", made["id"]
    )
    assert [row["type"] for row in rows] == ["api_key.created", "api_key.rotated", "api_key.revoked"]
    assert {str(row["actor_organisation_id"]) for row in rows} == {buyer.id}
