"""What a client would rather have: `Prefer` (RFC 7240). Of its preferences one is known here, `return=minimal`."""

import re
from typing import Annotated, Final

from fastapi import Depends, Header
from starlette.requests import Request

MINIMAL: Final = "return=minimal"

APPLIED: Final = {"Preference-Applied": MINIMAL}
"""Said with an answer that is what was preferred (section 3)."""

# Section 2: preferences with commas between them, which a quoted value may hold too.
_PREFERENCE: Final = re.compile(r"""(?:[^,"]|"(?:[^"\\]|\\.)*")+""")

_LONGEST_FIELD: Final = 1_000


def prefers_minimal(prefer: str) -> bool:
    """Return whether the first `return` of a `Prefer` field is `minimal`; what cannot be read is passed over."""
    if len(prefer) > _LONGEST_FIELD:
        return False
    for preference in _PREFERENCE.findall(prefer):
        # Behind a semicolon stand parameters, and `return` has none.
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "return":
            return bool(value.strip().strip('"').lower() == "minimal")
    return False


def _minimal_preferred(
    request: Request,
    prefer: Annotated[
        str | None,
        Header(
            alias="Prefer",
            description="`return=minimal` (RFC 7240): the verdict without `order`, which is most of an answer. "
            "`Preference-Applied` says that it was left out.",
        ),
    ] = None,
) -> bool:
    # Several fields are one list.
    return prefer is not None and prefers_minimal(", ".join(request.headers.getlist("prefer")))


MinimalPreferred = Annotated[bool, Depends(_minimal_preferred)]
"""Whether the client asked for the least that answers it."""
