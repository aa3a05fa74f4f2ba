"""CONTRIBUTING.md names every direct dependency, with what its licence is and why it is here."""

import re
import tomllib
from importlib.metadata import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Dependencies")[1]


def named(requirements: list[str]) -> list[str]:
    return [re.split(r"[=<>\[ ]", requirement)[0] for requirement in requirements]


DEPENDENCIES = {
    "Runtime": named(PROJECT["project"]["dependencies"]),
    "Build": named((ROOT / "requirements" / "build.in").read_text(encoding="utf-8").split()),
    "Development": named(PROJECT["project"]["optional-dependencies"]["development"]),
    "Benchmarks": named(PROJECT["project"]["optional-dependencies"]["benchmarks"]),
}


def rows(heading: str) -> dict[str, list[str]]:
    section = PAGE.split(f"### {heading}\n\n")[1].split("\n\n")[0]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines()[2:]]
    return {row[0]: row[1:] for row in cells}


def test_what_the_build_asks_for_is_among_what_is_pinned_for_it() -> None:
    assert set(named(PROJECT["build-system"]["requires"])) <= set(DEPENDENCIES["Build"])


@pytest.mark.parametrize("heading", DEPENDENCIES)
def test_every_direct_dependency_has_its_row_and_no_row_is_left_over(heading: str) -> None:
    assert list(rows(heading)) == DEPENDENCIES[heading]


@pytest.mark.parametrize("heading", DEPENDENCIES)
def test_a_row_says_licence_month_of_the_last_release_and_reason(heading: str) -> None:
    for name, (licence, released, reason) in rows(heading).items():
        assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", released), name
        assert licence, name
        assert len(reason) >= 5, name


@pytest.mark.parametrize(
    "name",
    # Only `make bench` installs what it needs.
    [name for heading, names in DEPENDENCIES.items() if heading != "Benchmarks" for name in names],
)
def test_the_licence_in_the_table_is_the_one_that_the_package_states(name: str) -> None:
    package = metadata(name)
    classifiers = [one for one in package.get_all("Classifier") or [] if one.startswith("License ::")]
    stated = " ".join([package.get("License-Expression") or package.get("License") or "", *classifiers])
    row = next(row for row in (rows(heading).get(name) for heading in DEPENDENCIES) if row is not None)
    for family in set(re.findall(r"MIT|Apache|BSD|MPL|LGPL", row[0])):
        assert family in stated, f"{name} states {stated!r}"
