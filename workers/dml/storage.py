"""The objects of the Definitive Media Library: a quarantine to receive, a library written once.

Objects are named `quarantine/…` or `library/sha256/ab/cd/<digest>`; the name in the library is the
SHA-256 of the bytes, so the same name always means the same bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from engine.errors import DigestMismatch, InvalidInput, NotFound, StorageFull, TooLarge
from workers.dml.rules import Measured

Area = Literal["quarantine", "library"]
AREAS: tuple[Area, ...] = ("quarantine", "library")

CHUNK_BYTES = 1024 * 1024
SIZE_LIMIT_BYTES = 2 * 1024**3
#: For how long nobody writes to what a killed process left half received.
LEFTOVER_SECONDS = 24 * 3600
#: Up to here a write-once put is one request; the bytes are in memory meanwhile.
SINGLE_PUT_BYTES = 64 * 1024**2


class UploadCutOff(InvalidInput):
    """The upload ended before all its bytes had arrived; nothing was kept."""

    code = "cut-off"
    status = 400


@dataclass(frozen=True, slots=True)
class ReceivedMedia:
    """An object that arrived in quarantine, with the digest of the bytes as they were written."""

    store_key: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as the store lists it; `last_modified` is UTC."""

    store_key: str
    size_bytes: int
    last_modified: datetime


class MediaStore:
    """The object store of the media library, in a local folder or wherever obstore can reach."""

    def __init__(
        self,
        library: ObjectStore,
        quarantine: ObjectStore,
        *,
        size_limit_bytes: int = SIZE_LIMIT_BYTES,
    ):
        """Take the two areas, which may have credentials of their own; see `open_media_store`."""
        self._areas: dict[str, ObjectStore] = {"library": library, "quarantine": quarantine}
        self.size_limit_bytes = size_limit_bytes

    def receive(
        self,
        chunks: Iterable[bytes],
        *,
        expected_bytes: int | None = None,
        expected_sha256: str | None = None,
    ) -> ReceivedMedia:
        """Stream bytes into quarantine, hashing on the way; an upload that fails leaves no object.

        Raises TooLarge beyond the size limit, UploadCutOff when fewer bytes came than announced,
        DigestMismatch (with both values) when another digest was announced, StorageFull.
        """
        if expected_bytes is not None and expected_bytes > self.size_limit_bytes:
            raise _too_large(self.size_limit_bytes)
        stream = _HashedStream(chunks, self.size_limit_bytes, expected_bytes, expected_sha256)
        path = str(uuid.uuid4())
        with _told_when_full():
            # The object appears only when the stream has ended without an error.
            obstore.put(self._areas["quarantine"], path, iter(stream), mode="overwrite")
        return ReceivedMedia(f"quarantine/{path}", stream.sha256, stream.size_bytes)

    def store(self, quarantine_key: str, sha256: str) -> str:
        """Copy an object from quarantine to the library, write-once, read it back, give its key.

        Doing it again is harmless. Raises DigestMismatch when the bytes, as copied or as found in
        the library, are not those of `sha256`.
        """
        key = library_key(sha256)
        measured = self.measure(quarantine_key)
        _require_digest(sha256, measured.sha256, f"The object {quarantine_key}")
        try:
            with _told_when_full():
                self._create(key, quarantine_key, measured.size_bytes)
        except AlreadyExistsError:
            pass  # The same bytes were stored before; that they are the same is read back below.
        _require_digest(sha256, self.measure(key).sha256, "What was read back from the library")
        return key

    def _create(self, key: str, quarantine_key: str, size_bytes: int) -> None:
        store, path = self._locate(key)
        if size_bytes <= SINGLE_PUT_BYTES:
            content = b"".join(self.read(quarantine_key))
            obstore.put(store, path, content, mode="create")
        else:
            staging = f"staging/{uuid.uuid4()}"
            with obstore.open_writer(store, staging) as writer:
                for chunk in self.read(quarantine_key):
                    writer.write(chunk)
            try:
                obstore.rename(store, staging, path, overwrite=False)
            except AlreadyExistsError:
                obstore.delete(store, staging)
                raise
        _make_read_only(store, path)

    def read(self, store_key: str) -> Iterator[bytes]:
        """Give the bytes of an object in chunks of about a mebibyte; raises NotFound at once."""
        store, path = self._locate(store_key)
        try:
            found = obstore.get(store, path)
        except FileNotFoundError:
            raise NotFound(f"There is no object {store_key}.") from None
        return (bytes(chunk) for chunk in found.stream(min_chunk_size=CHUNK_BYTES))

    def measure(self, store_key: str) -> Measured:
        """Read an object through and give its digest and size; raises NotFound."""
        digest, size = hashlib.sha256(), 0
        for chunk in self.read(store_key):
            digest.update(chunk)
            size += len(chunk)
        return Measured(digest.hexdigest(), size)

    def verify(self, store_key: str, sha256: str) -> bool:
        """Tell whether the object is there and its bytes have this digest now."""
        try:
            return self.measure(store_key).sha256 == sha256.lower()
        except NotFound:
            return False

    def list(self, area: Area) -> list[StoredObject]:
        """Give every object of an area, sorted by key; parts of unfinished copies are left out."""
        found = [
            StoredObject(f"{area}/{meta['path']}", meta["size"], meta["last_modified"])
            for batch in obstore.list(self._areas[area])
            for meta in batch
            if not meta["path"].startswith("staging/")
        ]
        return sorted(found, key=lambda each: each.store_key)

    def discard(self, quarantine_key: str) -> None:
        """Remove an object from quarantine; the library refuses, nothing is ever removed there."""
        if not quarantine_key.startswith("quarantine/"):
            raise InvalidInput("Only objects in quarantine can be removed.", field="store_key")
        store, path = self._locate(quarantine_key)
        obstore.delete(store, path)

    def sweep_quarantine(self, in_use: Collection[str], before: datetime) -> int:
        """Remove what lies in quarantine since before that moment and nobody names; give how many.

        Copies of what has moved on to the library are such objects, and uploads nobody recorded.
        """
        unused = [
            each.store_key
            for each in self.list("quarantine")
            if each.last_modified < before and each.store_key not in in_use
        ]
        for store_key in unused:
            self.discard(store_key)
        return len(unused)

    def _locate(self, store_key: str) -> tuple[ObjectStore, str]:
        area, _, path = store_key.partition("/")
        if area not in self._areas or not path or ".." in path.split("/"):
            raise NotFound(f"There is no object {store_key}.")
        return self._areas[area], path


class _HashedStream:
    """Passes chunks on while hashing and counting; refuses what is too large, cut off or other."""

    def __init__(
        self,
        chunks: Iterable[bytes],
        limit_bytes: int,
        expected_bytes: int | None,
        expected_sha256: str | None,
    ):
        self._chunks = chunks
        self._limit_bytes = limit_bytes
        self._expected_bytes = expected_bytes
        self._expected_sha256 = expected_sha256
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    @property
    def sha256(self) -> str:
        """The digest, in lower-case hex, of what has passed so far."""
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        """Give the chunks; an error raised here keeps the object from being created."""
        for chunk in self._chunks:
            self.size_bytes += len(chunk)
            if self.size_bytes > self._limit_bytes:
                raise _too_large(self._limit_bytes)
            self._digest.update(chunk)
            yield chunk
        expected = self._expected_bytes
        if expected is not None and self.size_bytes != expected:
            raise UploadCutOff(
                f"Only {self.size_bytes:,} of {expected:,} bytes arrived; nothing was kept. "
                "Please send it again.",
                field="content",
            )
        if self.size_bytes == 0:
            raise InvalidInput("The media item has no bytes.", field="content")
        if self._expected_sha256:
            _require_digest(self._expected_sha256, self.sha256, "The upload")


def library_key(sha256: str) -> str:
    """Give the key of the library object whose bytes have this SHA-256; InvalidInput if not hex."""
    digest = sha256.lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise InvalidInput("A SHA-256 has 64 hexadecimal digits.", field="sha256")
    return f"library/sha256/{digest[:2]}/{digest[2:4]}/{digest}"


def open_media_store(
    location: str | Path, *, size_limit_bytes: int = SIZE_LIMIT_BYTES
) -> MediaStore:
    """Open the store in a local folder (made if need be) or at a URL that obstore knows.

    The areas are `library` and `quarantine` below the location. A store other than a folder must
    be able to create an object only if it is absent, as S3 does.
    """
    text = str(location)
    if "://" in text and not text.startswith("file://"):
        areas = {area: from_url(f"{text.rstrip('/')}/{area}") for area in AREAS}
    else:
        folder = Path(unquote(urlsplit(text).path)) if "://" in text else Path(text)
        _remove_leftovers(folder)
        areas = {area: LocalStore(folder.absolute() / area, mkdir=True) for area in AREAS}
    return MediaStore(areas["library"], areas["quarantine"], size_limit_bytes=size_limit_bytes)


def _remove_leftovers(folder: Path) -> None:
    """Remove what processes left that were killed in the middle of an upload.

    Others may be in the middle of theirs: only what nobody has written to for long is a leftover.
    """
    before = time.time() - LEFTOVER_SECONDS
    for staged in folder.glob("quarantine/*#*"):
        with contextlib.suppress(FileNotFoundError):  # Its upload ended, or another was quicker.
            if staged.stat().st_mtime < before:
                staged.unlink()


def _require_digest(expected: str, actual: str, what: str) -> None:
    if expected.lower() != actual:
        raise DigestMismatch(
            f"{what} has SHA-256 {actual}, but {expected.lower()} is expected.",
            field="sha256",
            expected=expected.lower(),
            actual=actual,
        )


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(
        f"Media may have at most {limit_bytes:,} bytes; this is larger.", limit_bytes=limit_bytes
    )


def _make_read_only(store: ObjectStore, path: str) -> None:
    if isinstance(store, LocalStore) and store.prefix is not None:
        (Path(store.prefix) / path).chmod(0o444)


@contextlib.contextmanager
def _told_when_full() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        if "No space left on device" in str(error):
            raise StorageFull("The media library has no room left; nothing was kept.") from error
        raise
