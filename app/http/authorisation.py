"""Finds out who is calling and holds the operation's rule against the key: `Caller` in an endpoint's parameters."""

import time
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from app.errors import Problem, TemporarilyUnavailable
from app.http.errors import MissingKey, MissingScope
from app.http.problems import problem_response
from app.http.query_parameters import require_known_query_parameters
from app.http.request_context import remember_caller
from app.principal import OPERATIONS, Authenticator, Principal, Rule, Scope

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    bearerFormat="por_live_...",
    description="An API key of your organisation, as `Authorization: Bearer por_live_...`.",
)


async def permitted(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
) -> Principal:
    """Return the caller if its key carries one of the operation's scopes.

    Raises the 401 problems, 403 `missing_scope`, 503 while keys cannot be looked up, and 422 for a query parameter that
    the operation does not have.
    """
    authenticator: Authenticator = request.app.state.authenticator
    if credentials is None:
        raise MissingKey
    if time.monotonic() < request.scope.get(_KEYS_AWAY_UNTIL, 0.0):
        raise TemporarilyUnavailable
    key = await authenticator.authenticate(credentials.credentials)
    remember_caller(request.scope, key.organisation_id)
    rule = OPERATIONS[request.scope["route"].operation_id]
    require_scope(key.scopes, rule)
    require_known_query_parameters(request)
    return Principal(key.organisation_id, key.key_id, key.scopes, rule)


def require_scope(scopes: frozenset[Scope], rule: Rule) -> None:
    """Raise 403 `missing_scope` where a key with these scopes may not do what the rule is for."""
    if rule.scopes and not rule.scopes & scopes:
        wanted = " or ".join(sorted(rule.scopes))
        raise MissingScope(f"This operation needs the scope {wanted}.")


Caller = Annotated[Principal, Depends(permitted)]


class KeyBeforeBody:
    """Looks at the key before a body is read: who has none must not make the service read megabytes.

    The operation's rule is held against the key later, by `permitted`, which finds it in the cache. With the database
    away the request goes on to its route, which knows what to say.
    """

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in _WITH_BODY and scope["path"].startswith("/v1/"):
            try:
                await _authenticated(scope)
            except TemporarilyUnavailable:
                # The route need not wait a second time to find out the same.
                scope[_KEYS_AWAY_UNTIL] = time.monotonic() + _SECONDS_KEYS_ARE_AWAY
            except Problem as problem:
                await problem_response(problem, scope)(scope, receive, send)
                return
        await self._application(scope, receive, send)


async def _authenticated(scope: Connection) -> None:
    scheme, _, secret = Headers(scope=scope).get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise MissingKey
    authenticator: Authenticator = scope["app"].state.authenticator
    await authenticator.authenticate(secret)


_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_KEYS_AWAY_UNTIL = "po_registry.keys_away_until"
_SECONDS_KEYS_ARE_AWAY = 1.0
"""A body may take longer to arrive than an outage lasts: then keys are looked up again."""
