"""`/healthz`, `/readyz` and `/metrics`: for the machines that run the service, not part of the API document."""

from typing import Annotated

from fastapi import APIRouter, Request, Security
from fastapi.security.http import HTTPAuthorizationCredentials
from starlette.responses import JSONResponse, Response

from app.db.migrations import is_migrated
from app.errors import TemporarilyUnavailable
from app.http.authorisation import bearer
from app.http.errors import MissingKey, MissingScope, NotFound
from app.principal import Scope
from app.telemetry import METRICS_CONTENT_TYPE, metrics_text

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz() -> Response:
    """Answer while the process runs; the database is not asked."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Answer 200 while the database is reachable and migrated, 503 otherwise."""
    if not await is_migrated(request.app.state.database):
        raise TemporarilyUnavailable("The database is not at the migration that this version needs.")
    return JSONResponse({"status": "ready"})


@router.get("/metrics")
async def metrics(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
) -> Response:
    """Return the metrics to the operator, unless they have a port of their own."""
    if request.app.state.settings.metrics_port is not None:
        raise NotFound("Metrics are served on a port of their own.")
    if credentials is None:
        raise MissingKey
    key = await request.app.state.authenticator.authenticate(credentials.credentials)
    if Scope.ADMIN not in key.scopes:
        raise MissingScope("Metrics need the scope admin.")
    return Response(metrics_text(), media_type=METRICS_CONTENT_TYPE)
