"""Quarantine takes whole uploads only; the library is written once, under the digest."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engine.errors import DigestMismatch, InvalidInput, NotFound, TooLarge
from workers.dml import storage
from workers.dml.storage import MediaStore, UploadCutOff, library_key, open_media_store

CONTENT = b"claims-core 5.4.2 demo media\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return open_media_store(tmp_path / "media", size_limit_bytes=20 * 1024 * 1024)


def files_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_an_upload_is_in_quarantine_with_the_digest_of_its_bytes(store: MediaStore) -> None:
    received = store.receive(iter([CONTENT[:7], CONTENT[7:]]), expected_bytes=len(CONTENT))

    assert received.sha256 == DIGEST
    assert received.size_bytes == len(CONTENT)
    assert b"".join(store.read(received.store_key)) == CONTENT
    assert [each.store_key for each in store.list("quarantine")] == [received.store_key]
    assert store.list("library") == []


def test_an_upload_that_breaks_off_leaves_no_object(store: MediaStore, tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 6 * 1024 * 1024
        raise ConnectionResetError("the client went away")

    with pytest.raises(ConnectionResetError):
        store.receive(broken())

    assert store.list("quarantine") == []
    assert files_below(tmp_path / "media") == []


def test_an_upload_shorter_than_announced_leaves_no_object(
    store: MediaStore, tmp_path: Path
) -> None:
    with pytest.raises(UploadCutOff, match="Only 10 of 29 bytes"):
        store.receive([CONTENT[:10]], expected_bytes=len(CONTENT))

    assert files_below(tmp_path / "media") == []


def test_an_upload_without_bytes_is_refused(store: MediaStore) -> None:
    with pytest.raises(InvalidInput, match="no bytes"):
        store.receive([])


@pytest.mark.parametrize("announced", [True, False])
def test_an_upload_above_the_limit_leaves_no_object(
    store: MediaStore, tmp_path: Path, announced: bool
) -> None:
    size = store.size_limit_bytes + 1
    chunks = (b"x" * 1024 * 1024 for _ in range(30))

    with pytest.raises(TooLarge):
        store.receive(chunks, expected_bytes=size if announced else None)

    assert files_below(tmp_path / "media") == []


def test_an_upload_with_another_digest_than_declared_is_refused_with_both(
    store: MediaStore, tmp_path: Path
) -> None:
    declared = hashlib.sha256(b"something else").hexdigest()

    with pytest.raises(DigestMismatch) as refused:
        store.receive([CONTENT], expected_sha256=declared)

    assert refused.value.detail == {"expected": declared, "actual": DIGEST}
    assert declared in refused.value.message
    assert DIGEST in refused.value.message
    assert files_below(tmp_path / "media") == []


def test_the_library_keeps_the_bytes_read_only_under_their_digest(
    store: MediaStore, tmp_path: Path
) -> None:
    received = store.receive([CONTENT])

    key = store.store(received.store_key, DIGEST)

    assert key == f"library/sha256/{DIGEST[:2]}/{DIGEST[2:4]}/{DIGEST}"
    path = tmp_path / "media" / key
    assert path.read_bytes() == CONTENT
    assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_storing_the_same_bytes_again_changes_nothing(store: MediaStore, tmp_path: Path) -> None:
    first = store.store(store.receive([CONTENT]).store_key, DIGEST)
    before = (tmp_path / "media" / first).stat()

    second = store.store(store.receive([CONTENT]).store_key, DIGEST)

    after = (tmp_path / "media" / second).stat()
    assert (first, before.st_ino, before.st_mtime_ns) == (second, after.st_ino, after.st_mtime_ns)


def test_bytes_that_are_not_those_of_the_digest_never_enter_the_library(store: MediaStore) -> None:
    received = store.receive([b"other bytes"])

    with pytest.raises(DigestMismatch):
        store.store(received.store_key, DIGEST)

    assert store.list("library") == []


def test_an_altered_library_object_is_found_and_not_overwritten(
    store: MediaStore, tmp_path: Path
) -> None:
    key = store.store(store.receive([CONTENT]).store_key, DIGEST)
    path = tmp_path / "media" / key
    path.chmod(0o644)
    path.write_bytes(b"X" + CONTENT[1:])

    assert not store.verify(key, DIGEST)
    with pytest.raises(DigestMismatch):
        store.store(store.receive([CONTENT]).store_key, DIGEST)
    assert path.read_bytes() == b"X" + CONTENT[1:]


def test_large_media_are_stored_once_too(
    store: MediaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "SINGLE_PUT_BYTES", 1024)
    content = os.urandom(6 * 1024 * 1024)
    digest = hashlib.sha256(content).hexdigest()

    first = store.store(store.receive([content]).store_key, digest)
    second = store.store(store.receive([content]).store_key, digest)

    assert first == second
    assert [each.store_key for each in store.list("library")] == [first]
    assert files_below(tmp_path / "media" / "library") == [digest]


def test_an_object_that_is_not_there_is_not_verified(store: MediaStore) -> None:
    assert not store.verify(library_key(DIGEST), DIGEST)
    with pytest.raises(NotFound):
        store.read("quarantine/none")


@pytest.mark.parametrize(
    "key", ["quarantine/../library/x", "elsewhere/x", "library", "../x", "quarantine/a/../../x"]
)
def test_a_key_outside_the_two_areas_finds_nothing(store: MediaStore, key: str) -> None:
    with pytest.raises(NotFound):
        store.read(key)


def test_only_quarantine_gives_objects_up(store: MediaStore) -> None:
    received = store.receive([CONTENT])
    key = store.store(received.store_key, DIGEST)

    store.discard(received.store_key)

    assert store.list("quarantine") == []
    with pytest.raises(InvalidInput):
        store.discard(key)
    assert store.verify(key, DIGEST)


def test_a_sweep_removes_only_what_is_old_and_unnamed(store: MediaStore) -> None:
    named, unnamed = (store.receive([content]).store_key for content in (b"one", b"two"))
    (newest,) = (each for each in store.list("quarantine") if each.store_key == unnamed)
    later = newest.last_modified + timedelta(days=2)

    assert store.sweep_quarantine({named}, newest.last_modified - timedelta(days=1)) == 0
    assert store.sweep_quarantine({named}, later) == 1

    assert [each.store_key for each in store.list("quarantine")] == [named]


def test_parts_of_an_upload_that_was_killed_are_cleared_by_a_start_a_day_later(
    tmp_path: Path,
) -> None:
    open_media_store(tmp_path)
    leftover = tmp_path / "quarantine" / "0b0c#1"
    leftover.write_bytes(b"half")
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(leftover, (two_days_ago, two_days_ago))

    open_media_store(tmp_path)

    assert not leftover.exists()


def test_another_process_that_starts_leaves_an_upload_alone(tmp_path: Path) -> None:
    store = open_media_store(tmp_path)

    def chunks() -> Iterator[bytes]:
        yield b"a" * 16 * 1024**2
        open_media_store(tmp_path)
        yield b"b"

    received = store.receive(chunks())

    assert store.verify(received.store_key, received.sha256)


def test_a_digest_that_is_not_hexadecimal_is_no_key() -> None:
    with pytest.raises(InvalidInput):
        library_key("../" + "a" * 61)
