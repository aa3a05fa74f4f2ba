"""`/openapi.json`, `/docs`, `/redoc` and `/problems/<code>`: everything from this process, nothing from outside."""

import html
import json
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from app.errors import PROBLEMS, Problem
from app.http.errors import NotFound
from app.http.problems import problem_example

ASSETS = "/docs/assets"

_SECURITY_HEADERS = {
    # The pages show what others may have typed into examples and problems: nothing foreign may run in them.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline'; worker-src blob:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def install(application: FastAPI) -> None:
    """Add the documentation's routes to the application."""
    application.mount(ASSETS, StaticFiles(directory=_assets()), name="assets")
    application.add_api_route("/openapi.json", _openapi, include_in_schema=False)
    application.add_api_route("/docs", _swagger, include_in_schema=False)
    application.add_api_route("/redoc", _redoc, include_in_schema=False)
    application.add_api_route("/problems", _problems, include_in_schema=False)
    application.add_api_route("/problems/{code}", _problem, include_in_schema=False)


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
        },
    )
    return HTMLResponse(bytes(page.body), headers=_SECURITY_HEADERS)


async def _redoc() -> Response:
    page = get_redoc_html(
        openapi_url="/openapi.json",
        title="PO Registry: API reference",
        redoc_js_url=f"{ASSETS}/redoc.standalone.js",
        redoc_favicon_url=f"{ASSETS}/favicon.png",
        with_google_fonts=False,
    )
    return HTMLResponse(bytes(page.body), headers=_SECURITY_HEADERS)


async def _problems() -> Response:
    rows = "".join(
        f'<tr><td><a href="/problems/{code}"><code>{code}</code></a></td><td>{problem.status}</td>'
        f"<td>{html.escape(problem.title)}</td></tr>"
        for code, problem in sorted(PROBLEMS.items())
    )
    return _page("Problems", f"<table><tr><th>code</th><th>status</th><th>meaning</th></tr>{rows}</table>")


async def _problem(code: str) -> Response:
    problem = PROBLEMS.get(code)
    if problem is None:
        raise NotFound("There is no problem with this code; /problems lists them all.")
    return _page(problem.title, _explanation(problem))


def _explanation(problem: type[Problem]) -> str:
    example = json.dumps(problem_example(problem, "/v1/..."), indent=2)
    return (
        f"<p><code>{problem.code}</code> &middot; HTTP status {problem.status}</p>"
        f"<p>{html.escape((problem.__doc__ or '').strip())}</p><h2>What to do</h2><p>{html.escape(problem.remedy)}</p>"
        f"<h2>Example</h2><pre>{html.escape(example)}</pre>"
        '<p><a href="/problems">All problems</a> &middot; <a href="/docs">API documentation</a></p>'
    )


def _page(title: str, content: str) -> Response:
    style = (
        "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color:#1a2733}"
        "pre{background:#f3f5f7;padding:1rem;overflow:auto}code{background:#f3f5f7;padding:.1em .3em}"
        "td,th{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #dde3e8}a{color:#0b5cad}"
    )
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{style}</style></head><body><h1>{html.escape(title)}</h1>{content}</body></html>",
        headers=_SECURITY_HEADERS,
    )


def _assets() -> Path:
    # Found without importing it: of the package only its files are used, and they are pinned like any other.
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package fastapi-offline, which ships the documentation's assets, is not installed")
    return Path(spec.origin).parent / "static"
