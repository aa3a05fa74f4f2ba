"""The pages that lead through a day of work, docs/story.md and others, are run word for word, over HTTP."""

import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.orders.causes import Cause
from app.validation.refusal_codes import CAUSES, RefusalCode
from tests.parties import Operator
from tests.walk_through import ID, NUMBER, TIME, blocks_of, masked, outputs_of

Outputs = Callable[[str], list[str]]

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = ("story", "forwarder", "events")
BLOCKS = {page: blocks_of((DOCS / f"{page}.md").read_text(encoding="utf-8")) for page in PAGES}
EACH_BLOCK = [(page, index) for page in PAGES for index in range(len(BLOCKS[page]))]


def shown(page: str) -> str:
    return "".join(block.output or "" for block in BLOCKS[page])


@pytest.fixture(scope="module")
def outputs(operator: Operator, tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    """What each block of a page writes; the operator's key lies where `make run` would have written it."""

    @cache
    def of(page: str) -> list[str]:
        data = tmp_path_factory.mktemp(page)
        (data / "admin.key").write_text(operator.key, encoding="utf-8")
        port = str(urlsplit(operator.base_url).port)
        settings = {"PORT": port, "PO_REGISTRY_DATA_DIR": str(data), "TMPDIR": str(data)}
        return outputs_of(BLOCKS[page], os.environ | settings)

    return of


@pytest.mark.parametrize(("page", "index"), EACH_BLOCK)
def test_a_block_writes_what_its_page_says(outputs: Outputs, page: str, index: int) -> None:
    block = BLOCKS[page][index]
    assert masked(outputs(page)[index]) == masked(block.output or ""), block.commands


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("pattern", [NUMBER, TIME, ID], ids=["number", "time", "id"])
def test_what_differs_from_run_to_run_is_the_same_wherever_a_page_has_it_the_same(
    outputs: Outputs, page: str, pattern: str
) -> None:
    told, written = re.findall(pattern, shown(page)), re.findall(pattern, "".join(outputs(page)))
    pairs = set(zip(told, written, strict=True))
    assert len(pairs) == len(set(told)) == len(set(written))


@pytest.mark.parametrize("page", PAGES)
def test_the_times_of_a_page_follow_one_another_as_those_of_a_run_do(outputs: Outputs, page: str) -> None:
    told, written = re.findall(TIME, shown(page)), re.findall(TIME, "".join(outputs(page)))
    order = sorted(range(len(told)), key=told.__getitem__)
    assert [written[index] for index in order] == sorted(written)


@pytest.mark.parametrize("cause", Cause)
def test_the_story_shows_each_cause_for_which_a_number_fails_at_a_gate(cause: Cause) -> None:
    codes = re.findall(r"^refusals\.\*\.code: (.*)$", shown("story"), re.MULTILINE)
    refused = set(re.findall(r"[a-z_]+", " ".join(codes)))
    assert refused <= set(RefusalCode)
    assert refused & set(CAUSES[cause]), f"{cause} is not shown"
