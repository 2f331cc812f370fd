"""The files in deploy/: they name commands, settings, addresses and folders that are there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from webapp.app import create_app
from webapp.cli import make_parser
from webapp.config import Settings, read_settings

PROJECT = Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
OURS = ("web", "worker")
KINDS = {".py", ".html", ".css", ".js", ".bpmn", ".dmn", ".form", ".toml", ".json"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """Give the compose file as a document."""
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return document


@pytest.fixture(scope="module")
def containerfile() -> list[tuple[str, str]]:
    """Give the instructions of the image, each with what follows it."""
    joined = re.sub(r"\\\n", " ", (DEPLOY / "Containerfile").read_text())
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def read_example() -> dict[str, str]:
    text = (DEPLOY / "assent.env.example").read_text()
    return dict(re.findall(r"^#?([A-Z_]+)=(.*)$", text, re.MULTILINE))


def read_unit(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


def accept(command: list[str]) -> None:
    """Have the product's own parser take a command line; it exits where it does not."""
    assert make_parser(command[0]).parse_args(command).run


def instructions(containerfile: list[tuple[str, str]], name: str) -> list[str]:
    return [rest for instruction, rest in containerfile if instruction == name]


@pytest.mark.parametrize("name", OURS)
def test_the_services_of_the_compose_file_run_commands_that_exist(
    compose: dict[str, Any], name: str
) -> None:
    accept(compose["services"][name]["command"])


def test_the_compose_file_starts_them_in_order_and_keeps_what_must_be_kept(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]

    assert set(services) == {"web", "worker", "postgres", "rabbitmq"}
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in compose["volumes"]
        assert "environment" not in service, "secrets belong in the env file"
    for each in services["web"], services["postgres"], services["rabbitmq"]:
        assert each["healthcheck"]["test"]
    assert services["web"]["volumes"] == services["worker"]["volumes"]
    assert services["web"]["ports"] == ["127.0.0.1:8080:8080"]
    assert (DEPLOY / services["web"]["build"]["context"]).resolve() == PROJECT
    assert (PROJECT / services["web"]["build"]["dockerfile"]).is_file()


def test_the_health_check_asks_an_address_that_answers(
    compose: dict[str, Any], tmp_path: Path
) -> None:
    check = compose["services"]["web"]["healthcheck"]["test"]
    [address] = re.findall(r"http://127\.0\.0\.1:8080(/\w+)", " ".join(check))
    compile(check[3], "healthcheck", "exec")

    app = create_app(Settings(data_dir=tmp_path, secret_key="test"))

    assert address in {rule.rule for rule in app.url_map.iter_rules()}


def test_every_setting_that_the_files_name_is_one_the_product_reads() -> None:
    known = set(re.findall(r"ASSENT_[A-Z_]+", (PROJECT / "webapp" / "config.py").read_text()))
    named = {
        name
        for path in DEPLOY.rglob("*")
        if path.is_file()
        for name in re.findall(r"ASSENT_[A-Z_]+", path.read_text())
    }

    assert named
    assert named <= known


def test_the_example_of_the_env_file_is_read_and_agrees_with_itself(
    compose: dict[str, Any],
) -> None:
    example = read_example()
    settings = read_settings(example)

    user, password = example["POSTGRES_USER"], example["POSTGRES_PASSWORD"]
    expected = f"postgresql+psycopg://{user}:{password}@postgres:5432/{example['POSTGRES_DB']}"
    assert settings.resolved_database_url == expected
    broker_user, broker_password = (
        example["RABBITMQ_DEFAULT_USER"], example["RABBITMQ_DEFAULT_PASS"],
    )  # fmt: skip
    assert example["ASSENT_BROKER_URL"] == f"amqp://{broker_user}:{broker_password}@rabbitmq:5672/"
    assert all(service["env_file"] == "assent.env" for service in compose["services"].values())
    assert "change-me" in example["ASSENT_SECRET_KEY"]


def test_the_file_with_the_secrets_is_kept_out_of_git() -> None:
    ignored = (PROJECT / ".gitignore").read_text().splitlines()

    assert "deploy/assent.env" in ignored


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_runs_a_command_that_exists_as_an_ordinary_user(unit: Path) -> None:
    settings = read_unit(unit)
    [line] = settings["ExecStart"]
    program, *command = shlex.split(line)

    accept(command)
    assert Path(program).name == "assent"
    assert settings["User"] == ["assent"]
    assert settings["EnvironmentFile"] == ["/etc/assent/assent.env"]
    assert settings["ProtectSystem"] == ["strict"]
    assert settings["NoNewPrivileges"] == ["true"]
    [prevented] = settings["RestartPreventExitStatus"]
    assert prevented.split() == ["2", "3"]
    assert ("%i" in unit.read_text()) == ("@" in unit.name)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="NOT TESTED: needs systemd-analyze")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    copies = []
    for unit in UNITS:
        # The program is not installed here; which one it is, is not what systemd checks.
        text = unit.read_text().replace("ExecStart=/opt/assent/bin/assent", "ExecStart=/bin/true")
        copies.append(tmp_path / unit.name)
        copies[-1].write_text(text)

    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *copies],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    ours = [line for line in told.stderr.splitlines() if "assent" in line]
    assert ours == []


def test_the_image_runs_as_an_ordinary_user_from_hashed_packages(
    containerfile: list[tuple[str, str]],
) -> None:
    names = [instruction for instruction, _ in containerfile]
    [user] = instructions(containerfile, "USER")
    last_stage = names[len(names) - 1 - names[::-1].index("FROM") :]

    assert names.count("FROM") == 2
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert last_stage.index("USER") < last_stage.index("ENTRYPOINT")
    assert any("--require-hashes" in run for run in instructions(containerfile, "RUN"))
    assert "--hash=sha256:" in (PROJECT / "requirements" / "run.txt").read_text()
    assert json.loads(instructions(containerfile, "ENTRYPOINT")[0]) == ["assent"]
    accept(json.loads(instructions(containerfile, "CMD")[0]))


def test_what_the_image_copies_makes_a_whole_product(
    containerfile: list[tuple[str, str]], tmp_path: Path
) -> None:
    for copy in instructions(containerfile, "COPY"):
        *sources, target = copy.split()
        for source in sources:
            if sources[0].startswith("--from"):
                continue  # From the stage before, not from the project.
            found = PROJECT / source
            place = tmp_path / target / found.name if target == "./" else tmp_path / target
            place.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if found.is_dir() else shutil.copy)(found, place)

    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--no-index", "--wheel-dir", tmp_path / "wheel", tmp_path],
        check=True, capture_output=True, timeout=240,
    )  # fmt: skip
    [wheel] = (tmp_path / "wheel").glob("assent-*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())

    wanted = [
        path.relative_to(PROJECT).as_posix()
        for room in ("models", "engine", "workers", "webapp", "processes")
        for path in (PROJECT / room).rglob("*")
        if path.suffix
        in {".py", ".html", ".css", ".js", ".bpmn", ".dmn", ".form", ".toml", ".json"}
        and "node_modules" not in path.parts
    ]
    assert len(wanted) > 300
    assert not sorted(set(wanted) - inside)
