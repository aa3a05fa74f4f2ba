"""The pages that developers read: without a key, and with nothing that comes from outside."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from app.errors import PROBLEMS
from app.http.errors import InternalError
from app.orders.errors import InvalidTransition, RevisionSuperseded

PAGES = ["/docs", "/redoc", "/problems", *(f"/problems/{code}" for code in sorted(PROBLEMS))]


class Loaded(HTMLParser):
    """What a browser fetches for a page, and where its links lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.assets: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"src", "href", "spec-url"} and value:
                (self.links if tag == "a" else self.assets).append(value)


def policy_of(answer: httpx.Response) -> dict[str, str]:
    """Return the directives of the page's Content-Security-Policy."""
    directives = (one.strip().partition(" ") for one in answer.headers["Content-Security-Policy"].split(";"))
    return {name: sources for name, _, sources in directives}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_needs_no_key_and_loads_nothing_from_outside(server: str, path: str) -> None:
    answer = httpx.get(server + path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    loaded = Loaded(answer.text)
    for address in loaded.assets + loaded.links:
        assert urlsplit(urljoin(server, address)).netloc == urlsplit(server).netloc, address
    for address in set(loaded.assets):
        assert httpx.get(urljoin(server, address)).status_code == 200, address


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/problems"])
def test_the_policy_of_a_page_forbids_what_is_not_its_own(server: str, path: str) -> None:
    answer = httpx.get(server + path)
    policy = policy_of(answer)
    assert policy["default-src"] == "'self'"
    for name, sources in policy.items():
        assert not re.search(r"https?:|\*|unsafe-eval", sources), name
    # A script that somebody brings into the page must not run; styles do no harm, and both pages make them on the fly.
    assert "unsafe-inline" not in policy["script-src"]
    assert policy["script-src"].count("sha256-") == answer.text.count("<script>")


def test_the_page_to_try_the_api_asks_no_server_to_judge_the_document(server: str) -> None:
    assert '"validatorUrl": null' in httpx.get(f"{server}/docs").text


def test_the_assets_are_whole(server: str) -> None:
    for name, size in (("swagger-ui-bundle.js", 500_000), ("swagger-ui.css", 50_000), ("redoc.standalone.js", 500_000)):
        assert len(httpx.get(f"{server}/docs/assets/{name}").content) > size


def test_the_document_needs_no_key(server: str) -> None:
    answer = httpx.get(f"{server}/openapi.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json()["info"]["title"] == "PO Registry"
    assert httpx.head(f"{server}/openapi.json").status_code == 200


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_a_problem_page_says_what_it_is_and_what_to_do(server: str, code: str) -> None:
    page = httpx.get(f"{server}/problems/{code}").text
    assert f"<code>{code}</code> &middot; HTTP status {PROBLEMS[code].status}" in page
    assert "<h2>What to do</h2>" in page
    assert f"&quot;type&quot;: &quot;/problems/{code}&quot;" in page
    assert "`" not in page.partition("<h2>Example")[0], "names of fields are set as code, not in backticks"
    assert f'<a href="/problems/{code}">' in httpx.get(f"{server}/problems").text


def test_a_problem_page_names_the_operations_that_answer_so(server: str) -> None:
    def page(problem: type) -> str:
        return httpx.get(f"{server}/problems/{problem.code}").text  # type: ignore[attr-defined]

    confirm, activate = (f"POST /v1/purchase-orders/{{number}}/{action}" for action in ("confirm", "activate"))
    assert confirm in page(RevisionSuperseded)
    assert activate not in page(RevisionSuperseded)
    assert activate in page(InvalidTransition)
    assert "Operations that answer so" not in page(InternalError), "every operation does"


def test_a_problem_that_does_not_exist_is_not_explained(server: str) -> None:
    answer = httpx.get(f"{server}/problems/nonsense")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
