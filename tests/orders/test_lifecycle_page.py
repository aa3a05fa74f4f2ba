from pathlib import Path

import pytest

from app.orders.lifecycle import TRANSITIONS, Action, OrderStatus, StoredStatus
from app.orders.lifecycle_page import lifecycle_page, transition_diagram

PAGE = Path(__file__).parents[2] / "docs" / "lifecycle.md"


def edges() -> set[tuple[str, str]]:
    drawn = [line.split(":")[0].split("-->") for line in transition_diagram().splitlines() if "-->" in line]
    return {(source.strip(), target.strip()) for source, target in drawn}


def test_the_page_in_the_repository_is_the_one_that_the_rules_make() -> None:
    assert PAGE.read_text(encoding="utf-8") == lifecycle_page(), "run: make pages"


def test_the_diagram_draws_every_change_of_status_and_no_other() -> None:
    by_actions = {
        (source, target)
        for transition in TRANSITIONS.values()
        for source, targets in transition.targets.items()
        for target in targets
        if source is not target
    }
    open_statuses = ("issued", "confirmed", "active", "partially_received")
    by_time = {(source, target) for source in open_statuses for target in ("expired", "not_yet_valid")}
    by_time |= {("issued", "lapsed"), ("confirmed", "lapsed")}
    at_the_ends = {("[*]", "draft"), ("[*]", "issued"), ("rejected", "[*]"), ("cancelled", "[*]"), ("closed", "[*]")}
    assert edges() == by_actions | by_time | at_the_ends


def test_the_diagram_is_a_mermaid_state_diagram() -> None:
    assert transition_diagram().startswith("stateDiagram-v2\n    [*] --> draft : create a draft\n")


@pytest.mark.parametrize("word", [*OrderStatus, *Action])
def test_the_page_names_every_status_and_every_action(word: str) -> None:
    assert f"| `{word}` |" in lifecycle_page()


def test_the_table_of_actions_has_the_targets_and_the_exceptions() -> None:
    section = lifecycle_page().split("## Actions")[1].split("## ")[0]
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("|")]
    columns = lines[0][1:]
    assert columns == [f"`{action}`" for action in Action]
    rows = {line[0]: dict(zip(columns, line[1:], strict=True)) for line in lines[2:]}
    assert list(rows) == [*(f"`{status}`" for status in StoredStatus), "not while"]
    assert rows["`draft`"]["`issue`"] == "`issued`"
    assert rows["`active`"]["`receive`"] == "`partially_received` or `received`"
    assert rows["`closed`"]["`close`"] == "-"
    assert rows["not while"]["`activate`"] == "`lapsed`, `expired`"
    assert rows["not while"]["`cancel`"] == "suspended from `partially_received`"
    assert rows["not while"]["`extend`"] == ""
