"""Which values the components of a format may have: lists of an organisation's cost centres, categories, locations.

Pure: no I/O, no clock.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from app.numbers.format_patterns import ComponentError, FormatPattern

AllowedValues = Mapping[str, Sequence[str]]
"""The values by the component's name, as they stand in numbers; a component that is missing may have any value."""

_SHOWN: Final = 20


class AllowedValueFault(NamedTuple):
    """What is wrong with a list: its component, the position of the value where one is at fault, and a sentence."""

    component: str
    position: int | None
    rule: Literal["component_not_shown", "width", "repeated"]
    sentence: str


def faults(pattern: FormatPattern, allowed: AllowedValues) -> Iterator[AllowedValueFault]:
    """Yield what keeps lists of values from being a format's."""
    for name, values in allowed.items():
        width = pattern.components.get(name)
        if width is None:
            yield AllowedValueFault(
                name, None, "component_not_shown", f"The pattern does not show {name}: it needs {{{name}:W}} for that"
            )
            continue
        for position, value in enumerate(values):
            if len(value) != width:
                yield AllowedValueFault(
                    name, position, "width", f"In this format {name} has exactly {width} characters, not {len(value)}"
                )
            if value in values[:position]:
                yield AllowedValueFault(name, position, "repeated", f"{value} is in the list already")


def require_allowed(pattern: FormatPattern, components: Mapping[str, str | None], allowed: AllowedValues) -> None:
    """Raise `ComponentError` for components that do not fit the pattern, or are none of the allowed values."""
    for name, value in pattern.component_values(components).items():
        if name in allowed and value not in allowed[name]:
            values = allowed[name]
            shown = ", ".join(values[:_SHOWN]) + (f", ... ({len(values)} in all)" if len(values) > _SHOWN else "")
            raise ComponentError(name, "not_allowed", f"In this format {name} is one of {shown}; {value} is not.")
