"""The API's media library: upload into quarantine, list, look at the checks, download."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session
from werkzeug.exceptions import ClientDisconnected

from engine.commands.media import check_sender, receive_media
from engine.context import Context
from engine.errors import Conflict, InvalidInput, NotFound, Refusal
from models.media import MediaItem
from models.queries.library import find_media, list_checks, list_media
from models.queries.releases import find_release
from models.release import Release
from models.vocabulary import MediaState
from webapp.api.changes import change
from webapp.api.operation import Answer, operation
from webapp.api.schema import (
    choice,
    instant,
    list_of,
    mapping,
    maybe,
    present,
    record,
    text,
    whole,
    word,
)
from webapp.auth.identity import current_actor
from webapp.services import read_session, services
from workers.dml.storage import CHUNK_BYTES, ReceivedMedia, UploadCutOff

TAG = "Media library"
MEDIA = record(
    "Media",
    {
        "id": text(),
        "name": text(),
        "version": text(),
        "kind": text(),
        "sha256": text("The digest of the bytes, computed while they came in."),
        "size_bytes": whole(),
        "state": word(MediaState),
        "release_number": maybe(text()),
        "state_reason": maybe(text()),
        "received_at": instant(),
        "received_by": maybe(text()),
        "checked_in_at": maybe(instant()),
    },
)
CHECK = record(
    "MediaCheck",
    {
        "occasion": text("Check-in or check-out."),
        "seq": whole(),
        "step": text(),
        "result": choice("pass", "fail", "not_done"),
        "sentence": text(),
        "detail": mapping(),
        "at": instant(),
    },
)
MEDIA_IN_FULL = record(
    "MediaInFull",
    {
        **MEDIA["properties"],
        "statement": maybe(text("The signed check-in statement.")),
        "checks": list_of(CHECK),
    },
)
UPLOAD_QUERY = {
    "release": text("The number of the release, for example REL-78.", maximum=40),
    "name": text("The name as the build evidence has it.", maximum=200),
    "version": text("The version as the build evidence has it.", maximum=200),
    "kind": text("application, database, configuration …", maximum=40),
    "sha256": text("The digest you expect; another one is refused.", maximum=64),
}
BYTES = ("application/octet-stream", "multipart/form-data")


class MediaCorrupt(Conflict):
    """The stored bytes are not those that were checked in; they are not given out."""

    code = "dml-corrupt"


@operation(
    "GET",
    "/media",
    tag=TAG,
    answers={200: MEDIA},
    paged=True,
    query={
        "state": word(MediaState),
        "release": text("The number of a release.", maximum=40),
        "sha256": text("The digest of the bytes.", maximum=64),
        "text": text("Looked for in name, version and digest.", maximum=200),
    },
)
def read_media(query: dict[str, Any]) -> Answer:
    """List media, the newest first."""
    with read_session() as session:
        release = find_release(session, query["release"]) if query["release"] else None
        if query["release"] and release is None:
            return Answer({"items": [], "next": None})
        page = list_media(
            session,
            state=query["state"],
            release_id=release.id if release else None,
            sha256=query["sha256"],
            text=query["text"],
            after=query["after"],
            limit=query["limit"],
        )
        items = [show_media(session, item) for item in page.items]
    return Answer({"items": items, "next": page.next})


@operation("GET", "/media/<media_id>", tag=TAG, answers={200: MEDIA_IN_FULL})
def read_media_item(media_id: str) -> Answer:
    """Read a media item with every check it went through."""
    with read_session() as session:
        item = _require_media(session, media_id)
        checks = [present(check, CHECK) for check in list_checks(session, item.id)]
        shown = show_media(session, item)
    return Answer({**shown, "statement": item.statement, "checks": checks})


@operation("GET", "/media/<media_id>/content", tag=TAG, answers={200: "application/octet-stream"})
def download(media_id: str) -> Response:
    """Download the bytes of an authorized media item; they are verified before they are sent."""
    with read_session() as session:
        item = _require_media(session, media_id)
    if item.state != MediaState.AUTHORIZED:
        raise Conflict("Only authorized media leave the library.", state=item.state)
    if not services().media.verify(item.store_key, item.sha256):
        raise MediaCorrupt
    response = Response(
        services().media.read(item.store_key), content_type="application/octet-stream"
    )
    response.headers.set(
        "Content-Disposition", "attachment", filename=f"{item.name}-{item.media_version}"
    )
    response.content_length = item.size_bytes
    response.set_etag(item.sha256)
    return response


@operation(
    "POST",
    "/media",
    tag=TAG,
    answers={200: MEDIA, 201: MEDIA},
    query=UPLOAD_QUERY,
    request_types=BYTES,
)
def upload(query: dict[str, Any]) -> Answer:
    """Upload a media item of a release into quarantine.

    Either the body is the bytes and the parameters say what they are, or the body is a form
    (multipart/form-data) with the same fields and a `file`. An upload that is cut off leaves
    nothing behind. 200 says that the same bytes were there already.
    """
    request.max_content_length = services().settings.media_limit_bytes + 64 * 1024
    if request.mimetype != "multipart/form-data":
        return _receive(query, _read_stream(), request.content_length)
    fields = {name: request.form.get(name) or query[name] for name in UPLOAD_QUERY}
    file = request.files.get("file")
    if file is None:
        raise InvalidInput("Choose the file to upload.", field="file")
    return _receive(fields, iter(lambda: file.stream.read(CHUNK_BYTES), b""), None)


@operation(
    "PUT",
    "/releases/<release>/media/<name>/<version>",
    tag=TAG,
    answers={200: MEDIA, 201: MEDIA},
    query={"kind": UPLOAD_QUERY["kind"], "sha256": UPLOAD_QUERY["sha256"]},
    request_types=BYTES[:1],
)
def put_media(release: str, name: str, version: str, query: dict[str, Any]) -> Answer:
    """Upload the bytes of a media item of a release into quarantine."""
    request.max_content_length = services().settings.media_limit_bytes
    fields = {**query, "release": release, "name": name, "version": version}
    return _receive(fields, _read_stream(), request.content_length)


def show_media(session: Session, item: MediaItem) -> dict[str, Any]:
    """Give a media item as the API shows it."""
    release = session.get(Release, item.release_id) if item.release_id else None
    return present(
        item,
        MEDIA,
        version=item.media_version,
        release_number=release.number if release else None,
    )


def _receive(fields: dict[str, Any], chunks: Iterator[bytes], expected_bytes: int | None) -> Answer:
    missing = {n: "This is required." for n in ("release", "name", "version") if not fields[n]}
    if missing:
        raise InvalidInput("Say what these bytes are.", fields=missing)
    with read_session() as session:
        asking = Context(session, current_actor(), services().clock.now())
        check_sender(asking, fields["name"], fields["version"])
        if find_release(session, fields["release"]) is None:
            raise NotFound(f"There is no release {fields['release']}.")
    store = services().media
    received = store.receive(
        chunks, expected_bytes=expected_bytes, expected_sha256=fields["sha256"]
    )
    try:
        answer, used = _record(fields, received)
    except Refusal:
        # After any other error it may be on record all the same; if not, the sweep takes it.
        store.discard(received.store_key)
        raise
    if not used:
        store.discard(received.store_key)
    return answer


def _record(fields: dict[str, Any], received: ReceivedMedia) -> tuple[Answer, bool]:
    """Put received bytes on record; tell also whether the object in quarantine is of use."""
    kept: list[str] = []

    def work(ctx: Context) -> Answer:
        item = receive_media(
            ctx,
            release_number=fields["release"],
            name=fields["name"],
            media_version=fields["version"],
            kind=fields["kind"] or "application",
            sha256=received.sha256,
            size_bytes=received.size_bytes,
            store_key=received.store_key,
            declared_sha256=fields["sha256"],
        )
        kept.append(item.store_key)
        new = item.store_key == received.store_key
        location = f"/api/v1/media/{item.id}"
        return Answer(show_media(ctx.session, item), status=201 if new else 200, location=location)

    described = repr([fields[name] for name in sorted(fields)]) + received.sha256
    answer = change(work, content_digest=hashlib.sha256(described.encode()).hexdigest())
    return answer, received.store_key in kept


def _read_stream() -> Iterator[bytes]:
    try:
        while chunk := request.stream.read(CHUNK_BYTES):
            yield chunk
    except ClientDisconnected as cut_off:
        raise UploadCutOff from cut_off


def _require_media(session: Session, media_id: str) -> MediaItem:
    item = find_media(session, media_id)
    if item is None:
        raise NotFound("There is no such media item.")
    return item
