"""A forwarder's day, with two forwarders and two warehouses: docs/forwarder.md is run word for word, over HTTP."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.parties import Operator
from tests.walk_through import ID, NUMBER, TIME, blocks_of, masked, outputs_of

DAY = (Path(__file__).resolve().parent.parent / "docs" / "forwarder.md").read_text(encoding="utf-8")
BLOCKS = blocks_of(DAY)
SHOWN = "".join(block.output or "" for block in BLOCKS)


@pytest.fixture(scope="module")
def outputs(operator: Operator, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block writes; the operator's key lies where `make run` would have written it."""
    data = tmp_path_factory.mktemp("day")
    (data / "admin.key").write_text(operator.key, encoding="utf-8")
    port = str(urlsplit(operator.base_url).port)
    return outputs_of(BLOCKS, os.environ | {"PORT": port, "PO_REGISTRY_DATA_DIR": str(data)})


@pytest.mark.parametrize("index", range(len(BLOCKS)))
def test_a_block_writes_what_the_page_says(outputs: list[str], index: int) -> None:
    block = BLOCKS[index]
    assert masked(outputs[index]) == masked(block.output or ""), block.commands


@pytest.mark.parametrize("pattern", [NUMBER, TIME, ID], ids=["number", "time", "id"])
def test_what_differs_from_run_to_run_is_the_same_wherever_the_page_has_it_the_same(
    outputs: list[str], pattern: str
) -> None:
    told, written = re.findall(pattern, SHOWN), re.findall(pattern, "".join(outputs))
    pairs = set(zip(told, written, strict=True))
    assert len(pairs) == len(set(told)) == len(set(written))


def test_the_times_of_the_page_follow_one_another_as_those_of_a_run_do(outputs: list[str]) -> None:
    told, written = re.findall(TIME, SHOWN), re.findall(TIME, "".join(outputs))
    order = sorted(range(len(told)), key=told.__getitem__)
    assert [written[index] for index in order] == sorted(written)
