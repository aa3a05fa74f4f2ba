"""Files to import, and the way to do it in a test."""

import time
from typing import Any

from tests.parties import Party


def start(party: Party, file: bytes | str, **options: Any) -> str:
    """Send a file and return the id of its import."""
    content = file.encode() if isinstance(file, str) else file
    answer = party.http.post("/v1/imports", content=content, params=options)
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/v1/imports/{answer.json()['id']}"
    return str(answer.json()["id"])


def finished(party: Party, import_id: str, seconds: float = 60, **options: Any) -> dict[str, Any]:
    """Wait until an import is done, and return it."""
    deadline = time.monotonic() + seconds
    while True:
        answer = party.get(f"/v1/imports/{import_id}", params=options)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        if found["status"] in {"finished", "failed"}:
            return found
        assert time.monotonic() < deadline, f"the import did not finish: {found}"
        time.sleep(0.02)


def imported(party: Party, file: bytes | str, **options: Any) -> dict[str, Any]:
    """Import a file and return the import when it is done, with what was refused."""
    return finished(party, start(party, file, **options))


def counts(found: dict[str, Any]) -> dict[str, int]:
    """Return the counts that are not zero."""
    return {name: found[name] for name in ("created", "applied", "unchanged", "refused") if found[name]}


def interchange(*sets: str, isa: str | None = None) -> str:
    """Return an interchange of transaction sets, which are given without ST and SE: `850|BEG*00*SA*...~CTT*1~`."""
    head = isa or (
        "ISA*00*          *00*          *ZZ*NORDWIND       *ZZ*ANDERS         *360104*0832*U*00401*000000001*0*P*>~"
    )
    text = [head, "GS*PO*NORDWIND*ANDERS*20360104*0832*1*X*004010~"]
    for place, one in enumerate(sets, start=1):
        code, _, body = one.partition("|")
        text.append(f"ST*{code}*{place:04}~{body}SE*{body.count('~') + 2}*{place:04}~")
    text.append(f"GE*{len(sets)}*1~IEA*1*000000001~")
    return "".join(text)
