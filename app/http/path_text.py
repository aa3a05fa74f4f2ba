"""Texts at the end of a path, whatever is in them: slashes, and the line break that many scanners add."""

from typing import Final

from starlette.convertors import Convertor, register_url_convertor

ANY_TEXT: Final = "any_text"
"""The name of the converter, for a route such as `"/verify/{text:any_text}"`. Starlette's own `path` takes no line
break: such a text would be 404, where it is to be answered."""


class _AnyText(Convertor[str]):
    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor(ANY_TEXT, _AnyText())
