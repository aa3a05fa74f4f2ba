"""`/openapi.json`, `/docs`, `/redoc` and `/problems/<code>`: everything from this process, nothing from outside."""

import base64
import hashlib
import html
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from app.errors import PROBLEMS, Problem
from app.http.errors import NotFound
from app.http.problems import problem_example

ASSETS = "/docs/assets"

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color:#1a2733}"
    "pre{background:#f3f5f7;padding:1rem;white-space:pre-wrap;overflow-wrap:anywhere}"
    "code{background:#f3f5f7;padding:.1em .3em}table{border-collapse:collapse}"
    "td,th{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #dde3e8}a{color:#0b5cad}"
)


def install(application: FastAPI) -> None:
    """Add the documentation's routes to the application."""
    application.mount(ASSETS, StaticFiles(directory=_assets()), name="assets")
    for path, page in (
        ("/openapi.json", _openapi),
        ("/docs", _swagger),
        ("/redoc", _redoc),
        ("/problems", _problems),
        ("/problems/{code}", _problem),
    ):
        # HEAD too: it is how links are checked.
        application.add_api_route(path, page, methods=["GET", "HEAD"], include_in_schema=False)


async def _openapi(request: Request) -> Response:
    return JSONResponse(request.app.openapi())


async def _swagger() -> Response:
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="PO Registry: API",
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS}/favicon.png",
        swagger_ui_parameters={
            "persistAuthorization": True,
            "displayRequestDuration": True,
            "tryItOutEnabled": True,
            "docExpansion": "list",
            "defaultModelsExpandDepth": 0,
            "filter": True,
            # Without this the page shows a badge that a server on the internet draws.
            "validatorUrl": None,
        },
    )
    return _html(bytes(page.body).decode())


async def _redoc() -> Response:
    page = get_redoc_html(
        openapi_url="/openapi.json",
        title="PO Registry: API reference",
        redoc_js_url=f"{ASSETS}/redoc.standalone.js",
        redoc_favicon_url=f"{ASSETS}/favicon.png",
        with_google_fonts=False,
    )
    return _html(bytes(page.body).decode())


async def _problems() -> Response:
    rows = "".join(
        f'<tr><td><a href="/problems/{code}"><code>{code}</code></a></td><td>{problem.status}</td>'
        f"<td>{html.escape(problem.title)}</td></tr>"
        for code, problem in sorted(PROBLEMS.items())
    )
    return _page("Problems", f"<table><tr><th>code</th><th>status</th><th>meaning</th></tr>{rows}</table>{_LINKS}")


async def _problem(code: str, request: Request) -> Response:
    problem = PROBLEMS.get(code)
    if problem is None:
        raise NotFound("There is no problem with this code; /problems lists them all.")
    return _page(problem.title, _explanation(problem, request.app.openapi()))


def _explanation(problem: type[Problem], document: dict[str, Any]) -> str:
    example = json.dumps(problem_example(problem, "/v1/..."), indent=2, ensure_ascii=False)
    return (
        f"<p><code>{problem.code}</code> &middot; HTTP status {problem.status}</p>"
        f"<p>{_prose(problem.__doc__ or '')}</p><h2>What to do</h2><p>{_prose(problem.remedy)}</p>"
        f"<h2>Example</h2><pre>{html.escape(example)}</pre>{_where(problem, document)}{_LINKS}"
    )


_LINKS = (
    '<p><a href="/problems">All problems</a> &middot; <a href="/docs">Try the API</a> &middot; '
    '<a href="/redoc">API reference</a></p>'
)


def _where(problem: type[Problem], document: dict[str, Any]) -> str:
    """Return which operations answer with the problem; nothing where that is all of them, or none in particular."""
    everything = [
        (f"{method.upper()} {path}", operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    answering = [
        (name, operation) for name, operation in everything if problem.code in _codes(operation, problem.status)
    ]
    if len(answering) in {0, len(everything)}:
        return ""
    rows = "".join(
        f"<li><code>{html.escape(name)}</code> {html.escape(operation['summary'])}</li>"
        for name, operation in answering
    )
    return f"<h2>Operations that answer so</h2><ul>{rows}</ul>"


def _codes(operation: dict[str, Any], status: int) -> dict[str, Any]:
    content = operation["responses"].get(str(status), {}).get("content", {})
    codes: dict[str, Any] = {}
    for body in content.values():
        codes |= body.get("examples", {})
    return codes


def _prose(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text.strip()))


def _page(title: str, content: str) -> Response:
    return _html(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width">'
        f'<link rel="icon" href="{ASSETS}/favicon.png"><style>{_STYLE}</style></head>'
        f"<body><h1>{html.escape(title)}</h1>{content}</body></html>"
    )


def _html(page: str) -> Response:
    # Of scripts inside the page only those that are in it now may run, whatever an example or a problem may bring.
    hashes = "".join(
        f" 'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    )
    return HTMLResponse(
        page,
        headers={
            "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
            f"script-src 'self'{hashes}; worker-src blob:; frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        },
    )


def _assets() -> Path:
    # Found without importing it: of the package only its files are used, and they are pinned like any other.
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package fastapi-offline, which ships the documentation's assets, is not installed")
    return Path(spec.origin).parent / "static"
