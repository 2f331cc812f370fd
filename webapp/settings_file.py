"""The settings file: TOML whose keys are the variables' names without `ASSENT_`, in lower case."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path

FILE_NAME = "assent.toml"
SYSTEM_FOLDER = Path("/etc/assent")
#: Keys that may have a list of texts.
LISTS = {"handlers"}


class BadSetting(ValueError):
    """A setting has a value that it cannot have."""


def read_settings_file(path: Path, known: Collection[str]) -> dict[str, str]:
    """Give the settings of a file under the names of their variables.

    `known` are the variables there are. Raises BadSetting naming the file, and for an unknown key
    the one that was probably meant.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSetting(f"The settings file {path} cannot be read: {error}") from None
    keys = {name.removeprefix("ASSENT_").lower(): name for name in known}
    found = {}
    for key, value in document.items():
        if key not in keys:
            raise BadSetting(f"{path}: there is no setting {key!r}.{_suggest(key, keys)}")
        if key in LISTS and isinstance(value, list):
            value = ",".join(map(str, value))
        if not isinstance(value, str | int | bool):
            raise BadSetting(f"{path}: {key} must be a text, a whole number, true or false.")
        found[keys[key]] = str(int(value)) if isinstance(value, bool) else str(value)
    return found


def find_settings_file(data_dir: Path) -> Path | None:
    """Give the settings file where none is named: of the data folder, else of the system."""
    places = (data_dir / FILE_NAME, SYSTEM_FOLDER / FILE_NAME)
    return next((place for place in places if place.is_file()), None)


def _suggest(key: str, keys: Collection[str]) -> str:
    close = get_close_matches(key, keys, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else f" There are: {', '.join(sorted(keys))}."
