"""Webhook endpoints are an organisation's own: made, changed, listed, deleted, and their secrets shown once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken

from app.db.session import Database
from app.settings import Settings, SettingsError, load_settings
from app.webhooks.retries import seconds_before_retry
from app.webhooks.secrets import Vault, new_secret
from app.worker import delete_outgrown_webhooks
from tests.feed.reader import events_of
from tests.parties import Party
from tests.webhooks.receiver import Receiver, settled, until

PATH = "/v1/webhook-endpoints"
URL = "https://erp.example/hooks"
NOBODY = "http://127.0.0.1:9/"


def made(party: Party, **fields: Any) -> dict[str, Any]:
    answer = party.post(PATH, {"url": NOBODY, **fields})
    assert answer.status_code == 201, answer.text
    endpoint: dict[str, Any] = answer.json()
    return endpoint


def test_an_endpoint_is_made_read_listed_and_deleted(buyer: Party) -> None:
    answer = buyer.post(PATH, {"url": URL, "description": "ERP", "event_types": ["purchase_order.expired"]})
    endpoint = answer.json()
    assert answer.headers["Location"] == f"{PATH}/{endpoint['id']}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert endpoint["secret"].startswith("whsec_")
    shown = {name: value for name, value in endpoint.items() if name != "secret"}
    read = buyer.get(f"{PATH}/{endpoint['id']}")
    assert read.json() == shown
    assert read.headers["ETag"] == answer.headers["ETag"]
    current = buyer.get(f"{PATH}/{endpoint['id']}", headers={"If-None-Match": read.headers["ETag"]})
    assert current.status_code == 304
    assert buyer.get(PATH).json()["data"] == [shown]
    assert buyer.http.delete(f"{PATH}/{endpoint['id']}").json() == shown
    assert buyer.get(f"{PATH}/{endpoint['id']}").status_code == 404
    assert buyer.get(PATH).json()["data"] == []
    assert buyer.http.delete(f"{PATH}/{endpoint['id']}").status_code == 404


@pytest.mark.parametrize(
    "url",
    ["http://erp.example/", "https://127.0.0.2/", "https://localhost/", "https://2130706433/", "ftp://a.example/"],
)
def test_a_url_that_nothing_is_sent_to_is_refused_at_once(url: str, buyer: Party) -> None:
    kept = made(buyer)
    etag = buyer.get(f"{PATH}/{kept['id']}").headers["ETag"]
    for answer in (
        buyer.post(PATH, {"url": url}),
        buyer.patch(f"{PATH}/{kept['id']}", {"url": url}, headers={"If-Match": etag}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        (fault,) = answer.json()["errors"]
        assert (fault["loc"], fault["code"]) == (["body", "url"], "destination_not_allowed")


def test_only_types_and_relations_that_there_are_can_be_asked_for(buyer: Party) -> None:
    for body, place in (
        ({"event_types": ["purchase_order.exploded"]}, "event_types"),
        ({"event_types": []}, "event_types"),
        ({"relation": "presenter"}, "relation"),
        ({"secret": "whsec_mine"}, "secret"),
    ):
        answer = buyer.post(PATH, {"url": URL, **body})
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["loc"][1] == place


def test_an_endpoint_is_changed_by_who_has_read_it(buyer: Party) -> None:
    endpoint = made(buyer, event_types=["purchase_order.issued"], relation="owner")
    path = f"{PATH}/{endpoint['id']}"
    assert buyer.patch(path, {"description": "A"}).status_code == 428
    assert buyer.patch(path, {"description": "A"}, headers={"If-Match": '"old"'}).status_code == 412
    etag = buyer.get(path).headers["ETag"]
    changed = buyer.patch(path, {"event_types": None, "enabled": False}, headers={"If-Match": etag})
    told = changed.json()
    assert (told["event_types"], told["relation"], told["enabled"]) == (None, "owner", False)
    assert told["disabled_reason"] == "by_owner"
    assert changed.headers["ETag"] != etag
    assert buyer.patch(path, {"enabled": True}, headers={"If-Match": etag}).status_code == 412


def test_a_secret_is_shown_once_and_kept_out_of_every_other_answer(buyer: Party, sql: Callable[..., Any]) -> None:
    key = {"Idempotency-Key": "make-one"}
    first = buyer.post(PATH, {"url": NOBODY}, headers=key)
    again = buyer.post(PATH, {"url": NOBODY}, headers=key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json() | {"secret": None}
    secret, path = first.json()["secret"], f"{PATH}/{first.json()['id']}"
    rotated = buyer.post(f"{path}/rotate-secret", headers={"Idempotency-Key": "rotate-it"})
    replayed = buyer.post(f"{path}/rotate-secret", headers={"Idempotency-Key": "rotate-it"})
    assert replayed.json()["secret"] is None
    for answer in (buyer.get(path), buyer.get(PATH), buyer.post(f"{path}/test"), buyer.get(f"{path}/deliveries")):
        assert secret not in answer.text
        assert rotated.json()["secret"] not in answer.text
        assert '"secret"' not in answer.text
    stored = str(sql("SELECT body FROM idempotency_keys WHERE organisation_id = $1", buyer.id))
    assert "whsec_" not in stored
    audited = sql("SELECT type, data::text AS data FROM audit_events WHERE organisation_id = $1", buyer.id)
    assert {"webhook_endpoint.created", "webhook_endpoint.secret_rotated"} <= {row["type"] for row in audited}
    assert not any("whsec_" in row["data"] for row in audited)


def test_secrets_are_kept_as_the_keys_say() -> None:
    old, new, secret = Fernet.generate_key().decode(), Fernet.generate_key().decode(), new_secret()
    plain = Vault().seal(secret)
    kept = Vault([old]).seal(secret)
    assert secret not in kept
    assert Vault([new, old]).open(kept) == Vault([new, old]).open(plain) == secret
    with pytest.raises(InvalidToken):
        Vault([new]).open(kept)
    with pytest.raises(LookupError):
        Vault().open(kept)


def test_keys_that_are_none_are_refused_without_being_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_SECRETS_KEYS", f"{Fernet.generate_key().decode()},hush-hush")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert "WEBHOOK_SECRETS_KEYS" in str(refused.value)
    assert "hush" not in str(refused.value)


def test_internal_hosts_are_named_as_a_url_writes_them() -> None:
    assert Settings.model_validate({"WEBHOOK_INTERNAL_HOSTS": " A.internal,[::1] "}).internal_hosts == {
        "a.internal",
        "::1",
    }


def test_an_organisation_has_twenty_endpoints_at_most(buyer: Party) -> None:
    for _ in range(20):
        made(buyer)
    refused = buyer.post(PATH, {"url": NOBODY})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_webhook_endpoints")


def test_deliveries_of_others_are_not_there(buyer: Party, stranger: Party) -> None:
    endpoint = made(buyer)
    tried = buyer.post(f"{PATH}/{endpoint['id']}/test").json()
    for answer in (
        stranger.get(f"{PATH}/{endpoint['id']}/deliveries"),
        stranger.get(f"/v1/webhook-deliveries/{tried['id']}"),
        stranger.post(f"/v1/webhook-deliveries/{tried['id']}/redeliver"),
        stranger.post(f"{PATH}/{endpoint['id']}/redeliver", {"since": "2020-01-01T00:00:00Z"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_old_deliveries_and_those_of_deleted_endpoints_go(buyer: Party, database: Database) -> None:
    with Receiver() as receiver, Receiver(500) as failing:
        kept, deleted = receiver.of(buyer), failing.of(buyer)
        buyer.issue()
        (event,) = receiver.wait(1)
        settled(buyer, kept, event["id"], 1)
        settled(buyer, deleted, event["id"], 1)
        await delete_outgrown_webhooks(database, timedelta(days=30))
        assert len(buyer.get(f"{PATH}/{kept['id']}/deliveries").json()["data"]) == 1
        assert buyer.http.delete(f"{PATH}/{deleted['id']}").is_success
        assert await delete_outgrown_webhooks(database, timedelta(0)) >= 2
        assert buyer.get(f"{PATH}/{kept['id']}/deliveries").json()["data"] == []


def test_an_endpoint_that_was_off_for_too_long_is_told_what_it_has_missed(
    buyer: Party, sql: Callable[..., Any]
) -> None:
    with Receiver() as receiver:
        endpoint = receiver.of(buyer, event_types=["purchase_order.issued", "webhook_endpoint.events_skipped"])
        path = f"{PATH}/{endpoint['id']}"
        etag = buyer.get(path).headers["ETag"]
        off = buyer.patch(path, {"enabled": False}, headers={"If-Match": etag})
        for _ in range(3):
            buyer.issue()
        until(lambda: len(events_of(buyer)) == 3)
        sql("DELETE FROM feed_entries WHERE organisation_id = $1 AND position <= 2", buyer.id)
        sql("UPDATE feed_heads SET trimmed_to = 2 WHERE organisation_id = $1", buyer.id)
        buyer.patch(path, {"enabled": True}, headers={"If-Match": off.headers["ETag"]})
        third, skipped = receiver.wait(2)
        assert (third["position"], third["type"]) == (3, "purchase_order.issued")
        assert skipped["data"] == {"webhook_endpoint_id": endpoint["id"], "after": 0, "up_to": 2}


def test_delays_grow_and_differ_by_chance() -> None:
    shortest = [seconds_before_retry(failures, 0) for failures in range(1, 20)]
    longest = [seconds_before_retry(failures, 1) for failures in range(1, 20)]
    assert shortest == sorted(shortest)
    assert all(long > short for short, long in zip(shortest, longest, strict=True))
    assert (shortest[0], longest[-1]) == pytest.approx((4, 12 * 3600 * 1.2))
    assert seconds_before_retry(1, 0.5, pause=300) == 300
    # Three days take between twelve and twenty attempts.
    assert 12 <= next(n for n in range(1, 40) if sum(seconds_before_retry(i, 0.5) for i in range(1, n)) > 259_200) <= 20
