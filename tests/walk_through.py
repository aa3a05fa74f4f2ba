"""Pages whose bash blocks are run word for word, and held against what the pages say that they write.

A ```bash block is run; a ```text block is what the bash block before it writes; ```sh blocks are not run.
"""

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

RECORD_SEPARATOR = "\x1e"
NUMBER = r"PO-[2-9A-HJKMNP-TV-Z]{10}"
TIME = r"\d{4}-\d\d-\d\dT[\d:.]+Z"
ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@dataclass(frozen=True)
class Block:
    """Commands, and what the page says that they write; None where it says nothing."""

    commands: str
    output: str | None


def blocks_of(page: str) -> list[Block]:
    fences = re.findall(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    following = [*fences[1:], ("", "")]
    return [
        Block(text, after_text if after == "text" else None)
        for (language, text), (after, after_text) in zip(fences, following, strict=True)
        if language == "bash"
    ]


def outputs_of(blocks: Sequence[Block], environment: Mapping[str, str]) -> list[str]:
    """What each block writes, all of them run in one shell session that ends at the first fault."""
    mark = f"printf '{RECORD_SEPARATOR}'\n"
    # The python3 that runs the tests: one that a version manager finds first takes three times as long to start.
    path = f"{Path(sys.executable).parent}:{environment['PATH']}"
    session = "".join(block.commands + mark for block in blocks)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", session],
        check=False,
        env={**environment, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, ""), f"{done.stdout}\n{done.stderr}"
    return done.stdout.split(RECORD_SEPARATOR)[:-1]


def masked(text: str) -> str:
    """The text with what differs from run to run made the same: numbers issued here, times, ids."""
    text = text.replace("\r", "")
    text = re.sub(NUMBER, "PO-**********", text)
    text = re.sub(TIME, "<time>", text)
    return re.sub(ID, "<id>", text)
