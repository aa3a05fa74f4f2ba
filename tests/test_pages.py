"""What is made from the code is in the repository as the code makes it."""

import re
from pathlib import Path

import pytest

from app import pages
from app.settings import Settings


def test_every_made_page_in_the_repository_is_what_the_code_makes() -> None:
    for path, content in pages.pages().items():
        assert path.read_text(encoding="utf-8") == content, f"{path.name} is not what the code says; run: make pages"


def test_the_table_of_settings_has_a_row_with_a_meaning_for_every_setting() -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in pages.settings_table().splitlines()[2:]]
    assert [row[0] for row in rows] == [f"`{field.validation_alias}`" for field in Settings.model_fields.values()]
    assert all(len(row) == 4 and all(row) for row in rows)


def test_the_table_of_settings_names_defaults_and_bounds() -> None:
    table = pages.settings_table()
    assert "| `PORT` | `8000` | 1 to 65535 |" in table
    assert "| `DATABASE_TIMEOUT` | `0.9` | more than 0 to 10 |" in table
    assert "| `DATABASE_URL` | none | text |" in table
    assert "| `BACKGROUND_WORK` | `true` | `true`, `false` |" in table


def test_a_page_without_the_marks_is_no_place_for_the_table() -> None:
    with pytest.raises(ValueError, match="has no lines"):
        pages.with_settings_table("# PO Registry\n")


def test_the_command_writes_what_has_changed_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    marked = re.sub(r"\| `PORT`.*", "| changed by hand |", (pages.ROOT / "README.md").read_text(encoding="utf-8"))
    (tmp_path / "README.md").write_text(marked, encoding="utf-8")
    original = pages.ROOT
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    pages.main()
    for name in ("README.md", "docs/lifecycle.md", "docs/refusal-codes.md", "docs/import-files.md"):
        assert (tmp_path / name).read_text(encoding="utf-8") == (original / name).read_text(encoding="utf-8")
