"""The pages that are made from the code, so that they cannot say anything else: `make pages` writes them anew."""

from pathlib import Path
from typing import Any, Final

from pydantic.fields import FieldInfo

from app.exchange.file_page import file_page
from app.orders.lifecycle_page import lifecycle_page
from app.settings import Settings
from app.validation.refusal_page import refusal_page

ROOT: Final = Path(__file__).resolve().parent.parent

_SETTINGS_BEGIN: Final = "<!-- settings: made from app/settings.py by `make pages` -->\n"
_SETTINGS_END: Final = "<!-- /settings -->\n"


def main() -> None:
    """Write every made page of the checkout."""
    for path, content in pages().items():
        path.write_text(content, encoding="utf-8")


def pages() -> dict[Path, str]:
    """Return each made page with what it must hold; of README only the part between its two marks is made."""
    readme = ROOT / "README.md"
    return {
        ROOT / "docs" / "lifecycle.md": lifecycle_page(),
        ROOT / "docs" / "refusal-codes.md": refusal_page(),
        ROOT / "docs" / "import-files.md": file_page(),
        readme: with_settings_table(readme.read_text(encoding="utf-8")),
    }


def with_settings_table(page: str) -> str:
    """Return the page with the table of settings between its marks; raises ValueError for a page without them."""
    before, begin, rest = page.partition(_SETTINGS_BEGIN)
    _, end, after = rest.partition(_SETTINGS_END)
    if not (begin and end):
        raise ValueError(f"the page has no lines {_SETTINGS_BEGIN.strip()} and {_SETTINGS_END.strip()}")
    return f"{before}{begin}{settings_table()}{end}{after}"


def settings_table() -> str:
    """Return the settings as a Markdown table, in the order of the class."""
    rows = [("variable", "default", "takes", "meaning"), ("---",) * 4]
    for field in Settings.model_fields.values():
        variable = f"`{field.validation_alias}`"
        rows.append((variable, _default(field.default), _takes(field), field.description or ""))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _default(value: Any) -> str:
    if value is None:
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _takes(field: FieldInfo) -> str:
    if field.annotation is bool:
        return "`true`, `false`"
    words = {"ge": "{}", "gt": "more than {}", "le": "{}"}
    found = [
        words[name].format(getattr(rule, name)) for name in words for rule in field.metadata if hasattr(rule, name)
    ]
    return " to ".join(found) or "text"


if __name__ == "__main__":
    main()
