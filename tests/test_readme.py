"""README keeps its word: its bash blocks are run one after the other in one shell, against a new data directory."""

import asyncio
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest

from app.cli import main
from app.numbers.default_format import DEFAULT_PATTERN
from app.numbers.number_keys import number_key
from tests.command import UNMEASURED
from tests.parties import Operator
from tests.walk_through import NUMBER, blocks_of, masked, outputs_of

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND = Path(sys.executable).parent / "po-registry"
BLOCKS = blocks_of(README)


@dataclass(frozen=True)
class Service:
    """A `po-registry serve` of its own; `environment` is that of the person who started it."""

    url: str
    environment: dict[str, str]
    data: Path


@contextmanager
def serving(data: Path) -> Iterator[Service]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"PORT": str(port), "PO_REGISTRY_DATA_DIR": str(data), "LOG_LEVEL": "error", **UNMEASURED}
    with subprocess.Popen([COMMAND, "serve"], env=environment) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_ready(url, process)
            yield Service(url, environment, data)
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("readme") / "data") as service:
        yield service


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


def authorisation(service: Service) -> dict[str, str]:
    return {"Authorization": f"Bearer {(service.data / 'admin.key').read_text(encoding='utf-8').strip()}"}


@pytest.fixture(scope="module")
def outputs(service: Service) -> list[str]:
    return outputs_of(BLOCKS, service.environment)


def test_there_are_blocks_to_run_and_most_say_what_they_write() -> None:
    assert len(BLOCKS) >= 8
    assert sum(block.output is None for block in BLOCKS) == 1


@pytest.mark.parametrize("index", range(len(BLOCKS)))
def test_a_block_writes_what_readme_says(outputs: list[str], index: int) -> None:
    block = BLOCKS[index]
    assert masked(outputs[index]) == masked(block.output or ""), block.commands


def test_a_number_that_the_pages_show_is_well_formed_unless_it_is_there_to_be_refused() -> None:
    vectors = json.loads((ROOT / "tests" / "numbers" / "vectors.json").read_text(encoding="utf-8"))
    refused = {vector["number"] for vector in vectors["invalid"]}
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    shown = {number for page in pages for number in re.findall(NUMBER, page.read_text(encoding="utf-8"))} - refused
    assert len(shown) > 20
    assert not [number for number in shown if not DEFAULT_PATTERN.verifies(number_key(number))]


def test_the_first_block_takes_the_key_that_serve_has_written(service: Service) -> None:
    assert "admin.key" in BLOCKS[0].commands
    answer = httpx.get(f"{service.url}/v1/purchase-orders", headers=authorisation(service))
    assert answer.status_code == 200


@pytest.mark.parametrize("path", sorted({*re.findall(r"`(?:GET )?(/[a-z][^`?{<]*?)[?`]", README)}))
def test_a_path_that_readme_names_is_answered(service: Service, path: str) -> None:
    # The first to ask for the document has it made.
    answer = httpx.get(service.url + path, headers=authorisation(service), timeout=60)
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
def test_a_command_that_readme_shows_has_the_options_that_it_shows(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([words[1], "--help"])
    assert ended.value.code == 0
    assert {word for word in words if word.startswith("--")} <= set(re.findall(r"--[a-z-]+", capsys.readouterr().out))


def test_a_copy_of_the_data_directory_serves_in_the_place_of_the_original(tmp_path: Path) -> None:
    data, copy = tmp_path / ".data", tmp_path / "copy"
    with serving(data) as service:
        number = httpx.post(f"{service.url}/v1/purchase-orders", headers=authorisation(service), json={}).json()[
            "number"
        ]
    (command,) = re.findall(r"^(cp .*) .data /backup/po-registry-data$", README, re.MULTILINE)
    subprocess.run([*command.split(), data, copy], check=True)
    data.rename(tmp_path / "lost")
    copy.rename(data)
    with serving(data) as service:
        found = httpx.get(f"{service.url}/v1/purchase-orders/{number}", headers=authorisation(service))
    assert found.status_code == 200


def test_the_statement_that_moves_the_series_on_moves_every_one(operator: Operator, database_url: str) -> None:
    operator.issue()
    (statement,) = re.findall(r"^```sql\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)

    async def moved() -> list[int]:
        connection = await asyncpg.connect(database_url)
        held = connection.transaction()
        await held.start()
        try:
            return [
                row["by"]
                for row in await connection.fetch(
                    f"WITH before AS (SELECT * FROM number_series), after AS ({statement} RETURNING *) "
                    "SELECT after.next_serial - before.next_serial AS by FROM after "
                    "JOIN before USING (format_id, version, period)"
                )
            ]
        finally:
            await held.rollback()
            await connection.close()

    by = asyncio.run(moved())
    assert by
    assert set(by) == {10_000}


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
