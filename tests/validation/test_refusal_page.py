from pathlib import Path

import pytest

from app.api import vocabularies
from app.validation.refusal_codes import FIELDS, REFUSAL_CODES, RefusalCode
from app.validation.refusal_page import refusal_page

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "refusal-codes.md"


def section(code: RefusalCode) -> str:
    return refusal_page().split(f"### `{code}`\n")[1].split("\n#")[0]


def test_the_page_in_the_repository_is_the_one_that_the_vocabulary_makes() -> None:
    assert PAGE.read_text(encoding="utf-8") == refusal_page(), "run: make pages"


@pytest.mark.parametrize("code", RefusalCode)
def test_the_page_says_all_there_is_about_a_code(code: RefusalCode) -> None:
    rule = REFUSAL_CODES[code]
    for words in (rule.title, rule.explanation, rule.description, f"`{rule.action}`", f"`{rule.then}`"):
        assert words in section(code)
    assert all(f"`{field}`" in section(code) for field in FIELDS.get(code, ()))
    assert ("| contact | nobody |" in section(code)) is (rule.contact is None)
    heading = {"hold": "## Hold", "reject": "## Reject"}[rule.verdict]
    assert refusal_page().split(f"### `{code}`")[0].rsplit("\n## ")[-1].startswith(heading.removeprefix("## "))


@pytest.mark.parametrize("code", RefusalCode)
def test_the_api_document_says_the_same_of_a_code(code: RefusalCode) -> None:
    rule = REFUSAL_CODES[code]
    assert vocabularies()["RefusalCode"][code] == f"{rule.verdict}. {rule.explanation} *{rule.description}*"


@pytest.mark.parametrize("page", ["README.md", "docs/README.md"])
def test_the_page_is_linked(page: str) -> None:
    assert "refusal-codes.md)" in (ROOT / page).read_text(encoding="utf-8")
