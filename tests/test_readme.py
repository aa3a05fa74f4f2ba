"""README keeps its word: its bash blocks are run one after the other in one shell, against a new data directory.

A ```bash block is run; a ```text block is what the bash block before it writes; ```sh blocks are not run.
"""

import os
import re
import shlex
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND = Path(sys.executable).parent / "po-registry"
RECORD_SEPARATOR = "\x1e"


@dataclass(frozen=True)
class Block:
    """Commands, and what README says that they write; None where it says nothing."""

    commands: str
    output: str | None


def blocks() -> list[Block]:
    fences = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    following = [*fences[1:], ("", "")]
    return [
        Block(text, after_text if after == "text" else None)
        for (language, text), (after, after_text) in zip(fences, following, strict=True)
        if language == "bash"
    ]


def masked(text: str) -> str:
    """The text with what differs from run to run made the same: numbers issued here, times, ids."""
    text = re.sub(r"PO-[2-9A-HJKMNP-TV-Z]{10}", "PO-**********", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>", text)
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>", text)


@dataclass(frozen=True)
class Service:
    """A `po-registry serve` of its own; `environment` is that of the person who started it."""

    url: str
    environment: dict[str, str]
    data: Path


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    data = tmp_path_factory.mktemp("readme") / "data"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"PORT": str(port), "PO_REGISTRY_DATA_DIR": str(data), "LOG_LEVEL": "error"}
    with subprocess.Popen([COMMAND, "serve"], env=environment) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_ready(url, process)
            yield Service(url, environment, data)
        finally:
            process.terminate()


def wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        assert process.poll() is None, "serve has ended"
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("serve was not ready within a minute")


@pytest.fixture(scope="module")
def outputs(service: Service) -> list[str]:
    """What each block writes, all of them run in one shell session that ends at the first fault."""
    mark = f"printf '{RECORD_SEPARATOR}'\n"
    session = "".join(block.commands + mark for block in blocks())
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", session],
        check=False,
        env=service.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, ""), f"{done.stdout}\n{done.stderr}"
    return done.stdout.split(RECORD_SEPARATOR)[:-1]


def test_there_are_blocks_to_run_and_most_say_what_they_write() -> None:
    assert len(blocks()) >= 8
    assert sum(block.output is None for block in blocks()) == 1


@pytest.mark.parametrize("index", range(len(blocks())))
def test_a_block_writes_what_readme_says(outputs: list[str], index: int) -> None:
    block = blocks()[index]
    assert masked(outputs[index]) == masked(block.output or ""), block.commands


def test_the_first_block_takes_the_key_that_serve_has_written(service: Service) -> None:
    assert "admin.key" in blocks()[0].commands
    key = (service.data / "admin.key").read_text(encoding="utf-8").strip()
    answer = httpx.get(f"{service.url}/v1/purchase-orders", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", sorted({*re.findall(r"`(?:GET )?(/[a-z][^`?{<]*?)[?`]", README)}))
def test_a_path_that_readme_names_is_answered(service: Service, path: str) -> None:
    key = (service.data / "admin.key").read_text(encoding="utf-8").strip()
    answer = httpx.get(service.url + path, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200


def test_every_code_of_a_problem_has_the_page_that_readme_promises(service: Service) -> None:
    unknown = httpx.get(f"{service.url}/v1/nothing").json()
    assert httpx.get(service.url + unknown["type"]).status_code == 200


def commands_of_the_product() -> list[list[str]]:
    fences = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line, comments=True) for fence in fences for line in fence.splitlines()]
    return [words for words in lines if words[:1] == ["po-registry"]]


def test_readme_shows_commands_of_the_product() -> None:
    assert {words[1] for words in commands_of_the_product()} >= {"serve", "migrate", "create-key"}


@pytest.mark.parametrize("words", commands_of_the_product(), ids=" ".join)
def test_a_command_that_readme_shows_has_the_options_that_it_shows(words: list[str]) -> None:
    done = subprocess.run([COMMAND, words[1], "--help"], check=False, capture_output=True, text=True)
    assert done.returncode == 0
    assert {word for word in words if word.startswith("--")} <= set(re.findall(r"--[a-z-]+", done.stdout))


def test_every_target_of_make_that_the_pages_name_is_one() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        target
        for page in [ROOT / "README.md", *ROOT.glob("CONTRIBUTING.md"), *ROOT.glob("docs/**/*.md")]
        for target in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert named >= {"run", "test", "pages"}
    assert named <= targets


def test_the_picture_shows_every_floor_that_the_import_rules_know() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    rooms = {room.strip() for layer in layers for room in layer.split("|")}
    (picture,) = re.findall(r"^```mermaid\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert rooms <= set(re.findall(r"[a-z_]+", picture))


LINKS = [
    (page, target)
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    if "://" not in target
]


@pytest.mark.parametrize(("page", "target"), LINKS, ids=lambda part: part.name if isinstance(part, Path) else part)
def test_a_link_between_pages_leads_somewhere(page: Path, target: str) -> None:
    assert (page.parent / target).exists()
