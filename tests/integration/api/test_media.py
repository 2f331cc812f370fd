from __future__ import annotations

import hashlib
import io

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models.media import MediaItem
from models.release import Release
from tests.integration.site import Program, Site

CONTENT = b"portal 2.0 demo media\n" * 100
DIGEST = hashlib.sha256(CONTENT).hexdigest()
QUERY = "release=REL-90&name=portal&version=2.0&kind=application"


@pytest.fixture
def sami(example: Site) -> Program:
    _add_release(example, "REL-90")
    return example.speak_for("u10")


def test_bytes_go_to_quarantine_with_the_digest_computed_on_the_way(example: Site, sami: Program):
    answer = _send(sami, QUERY, CONTENT)

    assert answer.status_code == 201, answer.text
    assert answer.json["sha256"] == DIGEST
    assert answer.json["size_bytes"] == len(CONTENT)
    assert (answer.json["state"], answer.json["release_number"]) == ("received", "REL-90")
    assert len(example.services.media.list("quarantine")) == 1
    listed = sami.get("/media?release=REL-90").json["items"]
    assert [item["id"] for item in listed] == [answer.json["id"]]
    assert sami.get(f"/media/{answer.json['id']}").json["checks"] == []


def test_the_same_bytes_again_are_there_already(example: Site, sami: Program):
    first = _send(sami, QUERY, CONTENT)
    again = _send(sami, QUERY, CONTENT)

    assert again.status_code == 200
    assert again.json["id"] == first.json["id"]
    assert len(example.services.media.list("quarantine")) == 1


def test_bytes_that_wait_for_one_release_are_not_taken_for_another_until_that_one_is_over(
    example: Site, sami: Program
):
    first = _send(sami, QUERY, CONTENT)
    _add_release(example, "REL-91")
    elsewhere = QUERY.replace("REL-90", "REL-91")

    refused = _send(sami, elsewhere, CONTENT)
    _set_state(example, "REL-90", "cancelled")
    taken = _send(sami, elsewhere, CONTENT)

    assert refused.status_code == 409
    assert "waits in quarantine for REL-90" in refused.json["detail"]
    assert taken.json["id"] == first.json["id"]
    assert taken.json["release_number"] == "REL-91"
    assert len(example.services.media.list("quarantine")) == 2, "the sweep takes the older one"


def test_a_form_with_a_file_does_the_same(sami: Program):
    fields = {"release": "REL-90", "name": "portal", "version": "2.0", "sha256": DIGEST}

    answer = sami.client.post(
        "/api/v1/media",
        data={**fields, "file": (io.BytesIO(CONTENT), "../../etc/passwd")},
        headers={"Authorization": f"Bearer {sami.token}"},
    )

    assert answer.status_code == 201, answer.text
    assert answer.json["sha256"] == DIGEST
    assert answer.json["name"] == "portal"


def test_putting_at_the_name_does_the_same(sami: Program):
    answer = sami.client.put(
        f"/api/v1/releases/REL-90/media/portal/2.0?sha256={DIGEST}",
        data=CONTENT,
        content_type="application/octet-stream",
        headers={"Authorization": f"Bearer {sami.token}", "Idempotency-Key": "k"},
    )

    assert (answer.status_code, answer.json["version"]) == (201, "2.0")


def test_another_digest_than_declared_is_refused_with_both(example: Site, sami: Program):
    declared = "0" * 64

    answer = _send(sami, f"{QUERY}&sha256={declared}", CONTENT)

    assert (answer.status_code, answer.json["code"]) == (422, "digest")
    assert declared in answer.json["detail"]
    assert DIGEST in answer.json["detail"]
    assert example.services.media.list("quarantine") == []


def test_an_upload_that_is_cut_off_leaves_nothing(example: Site, sami: Program):
    answer = sami.client.post(
        f"/api/v1/media?{QUERY}",
        input_stream=io.BytesIO(CONTENT[:100]),
        environ_overrides={"CONTENT_LENGTH": str(len(CONTENT))},
        content_type="application/octet-stream",
        headers={"Authorization": f"Bearer {sami.token}"},
    )

    assert (answer.status_code, answer.json["code"]) == (400, "cut-off")
    assert example.services.media.list("quarantine") == []
    assert _list_items(example) == []


def test_what_is_refused_leaves_nothing(example: Site, sami: Program):
    answers = [
        _send(sami, QUERY.replace("REL-90", "REL-9999"), CONTENT),
        _send(sami, QUERY.replace("name=portal", "name=../../x"), CONTENT),
        _send(sami, QUERY.replace("name=portal", "name=a%00b"), CONTENT),
        _send(sami, QUERY.replace("name=portal&", ""), CONTENT),
        _send(example.speak_for("u18"), QUERY, CONTENT),
        _send(sami, QUERY, b""),
    ]

    assert [answer.status_code for answer in answers] == [404, 422, 400, 422, 403, 422]
    assert example.services.media.list("quarantine") == []
    assert _list_items(example) == []


def test_the_same_key_with_other_bytes_is_refused_and_with_the_same_bytes_repeated(
    example: Site, sami: Program
):
    first = _send(sami, QUERY, CONTENT, key="k")
    same = _send(sami, QUERY, CONTENT, key="k")
    other = _send(sami, QUERY, CONTENT + b"!", key="k")

    assert first.status_code == same.status_code == 201
    assert same.json == first.json
    assert (other.status_code, other.json["code"]) == (422, "key-reused")
    assert len(example.services.media.list("quarantine")) == 1


def test_media_whose_commit_is_not_heard_of_stay_with_their_record(example: Site, sami: Program):
    # Given a database that commits and is gone before it says so.
    def vanish(_session: Session) -> None:
        raise OperationalError("COMMIT", {}, Exception("the connection is closed"))

    event.listen(Session, "after_commit", vanish)
    try:
        unheard = _send(sami, QUERY, CONTENT, key="k")
    finally:
        event.remove(Session, "after_commit", vanish)

    # When the upload is sent again.
    again = _send(sami, QUERY, CONTENT, key="k")

    # Then it was done, and the bytes are there.
    assert unheard.status_code >= 500
    assert again.status_code == 201
    [kept] = example.services.media.list("quarantine")
    with example.services.database.read() as session:
        assert session.scalars(select(MediaItem.store_key)).one() == kept.store_key


def test_only_authorized_media_leave_the_library_and_only_unaltered(example: Site, sami: Program):
    media_id = _send(sami, QUERY, CONTENT).json["id"]
    too_early = sami.get(f"/media/{media_id}/content")
    store = example.services.media
    with example.services.database.write() as session:
        item = session.scalars(select(MediaItem).where(MediaItem.id == media_id)).one()
        item.store_key, item.state = store.store(item.store_key, item.sha256), "authorized"

    given = sami.get(f"/media/{media_id}/content")
    [path] = (example.folder / "media" / "library").rglob(DIGEST)
    path.chmod(0o644)
    path.write_bytes(b"changed on disk")
    corrupt = sami.get(f"/media/{media_id}/content")

    assert too_early.status_code == 409
    assert given.data == CONTENT
    assert given.headers["Content-Disposition"].startswith("attachment")
    assert (corrupt.status_code, corrupt.json["code"]) == (409, "dml-corrupt")


def _add_release(site: Site, number: str) -> None:
    with site.services.database.write() as session:
        session.add(
            Release(
                number=number,
                name="Portal 2.0",
                state="check_in",
                manager_id="u03",
                created_at=site.now,
                updated_at=site.now,
            )
        )


def _set_state(site: Site, number: str, state: str) -> None:
    with site.services.database.write() as session:
        session.scalars(select(Release).where(Release.number == number)).one().state = state


def _send(program: Program, query: str, content: bytes, key: str | None = None):
    headers = {"Authorization": f"Bearer {program.token}"}
    if key:
        headers["Idempotency-Key"] = key
    return program.client.post(
        f"/api/v1/media?{query}",
        data=content,
        content_type="application/octet-stream",
        headers=headers,
    )


def _list_items(site: Site) -> list[str]:
    with site.services.database.read() as session:
        return list(session.scalars(select(MediaItem.id)))
