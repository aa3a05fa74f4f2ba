"""The parties of a test: organisations that call the running server with keys of their own."""

from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

import httpx

from app.principal import Scope

EVERY_SCOPE = [scope for scope in Scope if scope is not Scope.ADMIN]


def ahead(**span: float) -> str:
    """Return the RFC 3339 time that lies `span` (as for timedelta) ahead of now."""
    return (datetime.now(UTC) + timedelta(**span)).isoformat().replace("+00:00", "Z")


class Party:
    """An organisation with one key; `get`, `post`, ... are httpx's, against the running server."""

    def __init__(self, base_url: str, organisation_id: str, key: str) -> None:
        self.base_url = base_url
        self.id = organisation_id
        self.key = key
        self.headers = {"Authorization": f"Bearer {key}"}
        self.http = httpx.Client(base_url=base_url, headers=self.headers, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.http.close()

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.http.get(path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.http.post(path, json={} if json is None else json, **options)

    def patch(self, path: str, json: Any, **options: Any) -> httpx.Response:
        return self.http.patch(path, json=json, **options)

    def put(self, path: str, json: Any, **options: Any) -> httpx.Response:
        return self.http.put(path, json=json, **options)

    def asynchronous(self) -> httpx.AsyncClient:
        """A client for races; close it."""
        limits = httpx.Limits(max_connections=100)
        return httpx.AsyncClient(base_url=self.base_url, headers=self.headers, timeout=60, limits=limits)

    def issue(self, **content: Any) -> dict[str, Any]:
        """Issue an order and return it."""
        answer = self.post("/v1/purchase-orders", content)
        assert answer.status_code == 201, answer.text
        issued: dict[str, Any] = answer.json()
        return issued

    def act(self, order: dict[str, Any], action: str, **body: Any) -> dict[str, Any]:
        """Carry out a transition and return the order."""
        answer = self.post(f"/v1/purchase-orders/{order['id']}/{action}", body)
        assert answer.status_code == 200, answer.text
        changed: dict[str, Any] = answer.json()
        return changed

    def active(self, **content: Any) -> dict[str, Any]:
        """Issue, confirm and activate an order and return it."""
        order = self.issue(**content)
        self.act(order, "confirm")
        return self.act(order, "activate")

    def key_with(self, *scopes: str, **fields: Any) -> str:
        """Make another key of this organisation and return its secret."""
        answer = self.post("/v1/api-keys", {"name": "test", "scopes": list(scopes), **fields})
        assert answer.status_code == 201, answer.text
        secret: str = answer.json()["key"]
        return secret


class Operator(Party):
    """Who runs the service."""

    def __init__(self, base_url: str, key: str) -> None:
        super().__init__(base_url, str(UUID(int=0)), key)

    def new_party(self, name: str, scopes: list[str] | None = None, **fields: Any) -> Party:
        """Make an organisation and a key for it."""
        made = self.post("/v1/organisations", {"name": name, **fields})
        assert made.status_code == 201, made.text
        body = {"organisation_id": made.json()["id"], "name": "test", "scopes": scopes or EVERY_SCOPE}
        key = self.post("/v1/api-keys", body)
        assert key.status_code == 201, key.text
        return Party(self.base_url, made.json()["id"], key.json()["key"])
