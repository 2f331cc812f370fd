"""The keys of an installation as this process holds them; a start with other keys is refused."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from engine.clock import Clock
from engine.commands.context import execute
from engine.commands.keys import HeldKey, KeyComparison, record_keys
from engine.context import SYSTEM
from models.database import Database
from webapp.config import BadSetting, Settings, load_secret_key, secret_key_file
from workers.dml.statement import KEY_FILE, DamagedKey, open_statement_signer

SECRET, SIGNING = "secret key", "signing key of check-ins"
MEND = {
    SECRET: "set ASSENT_SECRET_KEY to the same text everywhere, or copy the file secret.key of the "
    "data folder of a process that runs",
    SIGNING: "copy the folder keys/ of the data folder of a process that runs",
}


def read_worker_keys(settings: Settings) -> list[HeldKey]:
    """Give the keys that a worker holds; one that is missing is made."""
    folder = settings.data_dir.absolute() / "keys"
    try:
        key_id = open_statement_signer(folder).key_id
    except DamagedKey as damaged:
        raise BadSetting(f"{damaged} To mend it, {MEND[SIGNING]}") from None
    return [HeldKey(SIGNING, key_id.encode(), _locate(str(folder / KEY_FILE)))]


def read_web_keys(settings: Settings) -> list[HeldKey]:
    """Give the keys that a web process holds; one that is missing is made."""
    key = load_secret_key(settings)
    file = secret_key_file(settings).absolute()
    place = "ASSENT_SECRET_KEY or secret_key in the settings file" if settings.secret_key else file
    return [HeldKey(SECRET, key.encode(), _locate(str(place))), *read_worker_keys(settings)]


def require_same_keys(database: Database, clock: Clock, keys: Sequence[HeldKey]) -> None:
    """Raise BadSetting for a key that is not the recorded one; the first start records them.

    Called in the turn of a start, so that of processes that start at once one records.
    """
    for found in execute(database, clock, SYSTEM, record_keys, keys=keys):
        if not found.is_same:
            raise BadSetting(_explain(found))


def _explain(found: KeyComparison) -> str:
    name = found.held.name
    recorded = f"{found.recorded_at:%Y-%m-%d %H:%M} UTC from {found.recorded_place}"
    return (
        f"The {name} of this process is not the one of this installation. It was taken from "
        f"{found.held.place}; the installation's was recorded on {recorded}. Give every process "
        f"the same: {MEND[name]}. If this key replaces the other on purpose, say so once with "
        "“assent keys accept”, given the same options"
    )


def _locate(place: str) -> str:
    return f"{place} on {socket.gethostname()}"
