"""A query parameter that an operation does not have is refused: a filter that is misspelled would narrow nothing."""

from difflib import get_close_matches
from typing import Final

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute

from app.errors import InvalidRequest

_NAME_SHOWN: Final = 64


def require_known_query_parameters(request: Request) -> None:
    """Raise InvalidRequest, `unknown_parameter`, naming each query parameter that the operation does not have."""
    if not request.query_params:
        return
    known = _known(request.scope["route"])
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        raise InvalidRequest.of(
            [
                {
                    "loc": ["query", name[:_NAME_SHOWN]],
                    "code": "unknown_parameter",
                    "message": _message(name[:_NAME_SHOWN], known),
                }
                for name in unknown
            ]
        )


def _known(route: APIRoute) -> frozenset[str]:
    name = str(route.operation_id)
    if name not in _KNOWN:
        parameters = get_flat_params(route.dependant)
        _KNOWN[name] = frozenset(field.alias for field in parameters if isinstance(field.field_info, Query))
    return _KNOWN[name]


_KNOWN: Final[dict[str, frozenset[str]]] = {}
"""By operation id; there are as many as operations."""


def _message(name: str, known: frozenset[str]) -> str:
    if not known:
        return "The operation has no query parameters"
    meant = get_close_matches(name, sorted(known), n=1)
    if meant:
        return f"There is no query parameter of this name; `{meant[0]}` is one"
    return f"There is no query parameter of this name; there are: {', '.join(sorted(known))}"
