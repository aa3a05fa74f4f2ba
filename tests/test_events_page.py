"""How to follow events exactly once: docs/events.md is run word for word, over HTTP."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.parties import Operator
from tests.walk_through import NUMBER, blocks_of, masked, outputs_of

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "events.md").read_text(encoding="utf-8")
BLOCKS = blocks_of(PAGE)
SHOWN = "".join(block.output or "" for block in BLOCKS)


@pytest.fixture(scope="module")
def outputs(operator: Operator, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block writes; the operator's key lies where `make run` would have written it."""
    data = tmp_path_factory.mktemp("events")
    (data / "admin.key").write_text(operator.key, encoding="utf-8")
    port = str(urlsplit(operator.base_url).port)
    settings = {"PORT": port, "PO_REGISTRY_DATA_DIR": str(data), "TMPDIR": str(data)}
    return outputs_of(BLOCKS, os.environ | settings)


@pytest.mark.parametrize("index", range(len(BLOCKS)))
def test_a_block_writes_what_the_page_says(outputs: list[str], index: int) -> None:
    block = BLOCKS[index]
    assert masked(outputs[index]) == masked(block.output or ""), block.commands


def test_numbers_are_the_same_wherever_the_page_has_them_the_same(outputs: list[str]) -> None:
    told, written = re.findall(NUMBER, SHOWN), re.findall(NUMBER, "".join(outputs))
    pairs = set(zip(told, written, strict=True))
    assert len(pairs) == len(set(told)) == len(set(written))
