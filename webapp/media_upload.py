"""Taking a media item that a person sends from a form: into quarantine, then on record."""

from __future__ import annotations

import re
from collections.abc import Mapping

from werkzeug.datastructures import FileStorage

from engine.commands.media import check_sender, receive_media
from engine.context import Context
from engine.errors import InvalidInput, Refusal
from models.media import MediaItem
from webapp.auth.identity import current_actor
from webapp.commands import run_command
from webapp.services import read_session, services
from workers.dml.storage import CHUNK_BYTES, ReceivedMedia

KINDS = ("application", "database", "configuration", "documentation", "other")
#: What the fields and boundaries of the form may take beside the bytes of the file.
FORM_BYTES = 64 * 1024
SHA256 = re.compile(r"[0-9a-fA-F]{64}")
MISSING = {
    "file": "Choose the file to upload.",
    "name": "Enter the name as the build evidence has it.",
    "version": "Enter the version as the build evidence has it.",
}


def take_upload(
    release_number: str, fields: Mapping[str, str], file: FileStorage | None
) -> MediaItem:
    """Stream a file into quarantine and put it on record as media of a release.

    `fields` are name, version, kind and sha256 (what the sender expects, or empty). Whatever is
    refused leaves no object behind. Raises InvalidInput with a message for
    every field that is wrong, DigestMismatch with both digests, NotAllowed, Conflict.
    """
    _check_fields(fields, file)
    store = services().media
    try:
        received = store.receive(
            iter(lambda: file.stream.read(CHUNK_BYTES) if file else b"", b""),
            expected_sha256=fields["sha256"] or None,
        )
    except InvalidInput as refusal:
        # The store calls the bytes "content"; in the form they are the file.
        if "content" in refusal.fields:
            raise InvalidInput(refusal.message, field="file") from refusal
        raise
    try:
        item = _record(release_number, fields, received)
    except Refusal:
        # After any other error it may be on record all the same; if not, the sweep takes it.
        store.discard(received.store_key)
        raise
    if item.store_key != received.store_key:
        store.discard(received.store_key)  # The same bytes were there already.
    return item


def _check_fields(fields: Mapping[str, str], file: FileStorage | None) -> None:
    with read_session() as session:
        asking = Context(session, current_actor(), services().clock.now())
        problems: dict[str, str] = {}
        for name in ("name", "version"):
            if not fields[name]:
                problems[name] = MISSING[name]
        try:
            check_sender(asking, fields["name"] or "x", fields["version"] or "x")
        except InvalidInput as wrong:
            problems.update(wrong.fields)
    if file is None or not file.filename:
        problems["file"] = MISSING["file"]
    if fields["sha256"] and not SHA256.fullmatch(fields["sha256"]):
        problems["sha256"] = "A SHA-256 has 64 hexadecimal digits."
    if fields["kind"] not in KINDS:
        problems["kind"] = f"Choose one of: {', '.join(KINDS)}."
    if problems:
        raise InvalidInput("The upload is not complete yet.", fields=problems)


def _record(release_number: str, fields: Mapping[str, str], received: ReceivedMedia) -> MediaItem:
    return run_command(
        receive_media,
        release_number=release_number,
        name=fields["name"],
        media_version=fields["version"],
        kind=fields["kind"],
        sha256=received.sha256,
        size_bytes=received.size_bytes,
        store_key=received.store_key,
        declared_sha256=fields["sha256"] or None,
    )
