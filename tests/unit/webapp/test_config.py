from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest

from webapp import config
from webapp.config import VARIABLES, BadSetting, Settings, load_secret_key, read_settings


def test_an_empty_environment_gives_what_a_newcomer_needs():
    settings = read_settings({})

    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.demo is False
    assert settings.resolved_database_url.startswith("sqlite:////")
    assert settings.resolved_database_url.endswith("/var/assent.sqlite")
    assert settings.resolved_media_url.endswith("/var/media")


def test_the_environment_is_read_and_what_is_said_wins():
    settings = read_settings(
        {
            "ASSENT_DATA_DIR": "/data",
            "ASSENT_PORT": "9000",
            "ASSENT_DEMO": "yes",
            "ASSENT_DATABASE_URL": "postgresql+psycopg://db/assent",
        },
        port=9001,
        host=None,
    )

    assert settings.data_dir == Path("/data")
    assert settings.port == 9001
    assert settings.host == "127.0.0.1"
    assert settings.demo is True
    assert settings.resolved_database_url == "postgresql+psycopg://db/assent"
    assert settings.resolved_media_url == "/data/media"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ASSENT_PORT", "eighty"),
        ("ASSENT_PORT", "-1"),
        ("ASSENT_PORT", "70000"),
        ("ASSENT_THREADS", "0"),
        ("ASSENT_DEMO", "perhaps"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_name(name: str, value: str):
    with pytest.raises(BadSetting, match=name):
        read_settings({name: value})


def test_the_secret_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path):
    settings = Settings(data_dir=tmp_path / "new")

    first, second = load_secret_key(settings), load_secret_key(settings)

    assert first == second
    assert len(first) > 40
    assert (tmp_path / "new" / "secret.key").stat().st_mode & 0o077 == 0


def test_an_empty_file_is_no_secret_key(tmp_path: Path):
    (tmp_path / "secret.key").write_text("\n")

    with pytest.raises(BadSetting, match=r"secret\.key is empty"):
        load_secret_key(Settings(data_dir=tmp_path))


def test_a_number_above_its_bound_is_refused_with_both_bounds():
    with pytest.raises(BadSetting, match="ASSENT_WORKERS must be a whole number from 0 to 64"):
        read_settings({"ASSENT_WORKERS": "65"})


def test_secrets_are_not_shown_with_the_settings():
    assert "hidden" not in repr(Settings(secret_key="hidden"))


def test_every_setting_is_documented_where_it_is_declared():
    source = inspect.getsource(config.Settings)

    for setting in fields(Settings):
        before = source.split(f"    {setting.name}:")[0].rstrip().splitlines()[-1]
        assert before.strip().startswith("#:"), setting.name


def test_every_setting_can_stand_in_the_settings_file() -> None:
    described = set(re.findall(r"#: (ASSENT_\w+):", Path(inspect.getfile(Settings)).read_text()))

    assert described | {"ASSENT_SECRET_KEY"} == VARIABLES


def test_a_flag_wins_over_a_variable_and_a_variable_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "assent.toml").write_text('port = 1\nthreads = 5\nhost = "file"\ndemo = true\n')
    told = {"ASSENT_PORT": "2", "ASSENT_THREADS": "6", "ASSENT_HOST": ""}

    settings = read_settings(told, data_dir=tmp_path, port=3)

    assert (settings.port, settings.threads, settings.host) == (3, 6, "file")
    assert settings.demo is True


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('databse_url = "x"', "Did you mean 'database_url'?"),
        ("zzz = 1", "There are: archive_after_days, body_limit"),
        ("port = ", "cannot be read"),
        ("port = [1]", "port must be a text"),
        ('port = "x"', "ASSENT_PORT must be a whole number"),
    ],
)
def test_a_settings_file_that_is_wrong_is_refused_with_what_is_meant(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)

    with pytest.raises(BadSetting) as refused:
        read_settings({}, config=file)

    assert said in str(refused.value)


def test_a_settings_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="cannot be read"):
        read_settings({}, config=tmp_path / "none.toml")


def test_modules_of_handlers_come_as_a_text_or_as_a_list_in_the_settings_file(tmp_path: Path):
    file = tmp_path / "assent.toml"
    file.write_text('handlers = ["own.scanning", "own.mails"]')

    assert read_settings({}, config=file).handlers == ("own.scanning", "own.mails")
    assert read_settings({"ASSENT_HANDLERS": "a.b, c"}).handlers == ("a.b", "c")
    with pytest.raises(BadSetting, match=r"ASSENT_HANDLERS must name Python modules.*'a-b'"):
        read_settings({"ASSENT_HANDLERS": "a-b"})
