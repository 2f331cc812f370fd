from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path

import pytest

from webapp import config
from webapp.config import BadSetting, Settings, load_secret_key, read_settings


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


def test_secrets_are_not_shown_with_the_settings():
    assert "hidden" not in repr(Settings(secret_key="hidden"))


def test_every_setting_is_documented_where_it_is_declared():
    source = inspect.getsource(config.Settings)

    for setting in fields(Settings):
        before = source.split(f"    {setting.name}:")[0].rstrip().splitlines()[-1]
        assert before.strip().startswith("#:"), setting.name
