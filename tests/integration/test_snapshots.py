"""What handlers read of the database: the example organization as a landscape, works as groups."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from engine.commands.context import execute
from engine.commands.organization import load_organization
from engine.context import SYSTEM
from engine.errors import InvalidInput, NotFound
from engine.facts import gather_facts
from models.authorization import Authorization
from models.change import Rfc
from models.database import Database
from models.media import BuildEvidence, MediaItem
from models.organization import Organization
from models.proposal import Proposal
from models.queries.library import list_media
from models.release import Release
from models.schedule import ScheduleEntry
from tests.conftest import MovableClock
from workers.conflicts.handlers import check_conflicts
from workers.conflicts.rules import recheck_all
from workers.dml.statement import open_statement_signer
from workers.dml.storage import open_media_store
from workers.notifications.handlers import send_notification
from workers.registry import Work
from workers.snapshots import DatabasePorts

AS_OF = datetime(2027, 1, 18, 8, 0, tzinfo=UTC)


@pytest.fixture
def loaded(empty_database: Database, organization: dict[str, Any]) -> Database:
    execute(empty_database, MovableClock(AS_OF), SYSTEM, load_organization, document=organization)
    return empty_database


@pytest.fixture
def ports(loaded: Database, tmp_path: Path) -> DatabasePorts:
    return DatabasePorts(
        loaded,
        MovableClock(AS_OF),
        media=open_media_store(tmp_path / "media"),
        signer=open_statement_signer(tmp_path / "keys"),
    )


def find_proposal(database: Database, number: str) -> Proposal:
    with database.read() as session:
        return session.scalars(select(Proposal).where(Proposal.number == number)).one()


def make_work(topic: str, subject_id: str = "", **inputs: Any) -> Work:
    return Work(
        idempotency_key="job-1", topic=topic, attempt=1, now=AS_OF, instance_id="i",
        business_key="P4", subject_kind="proposal", subject_id=subject_id, inputs=inputs,
    )  # fmt: skip


def check_number(database: Database, ports: DatabasePorts, number: str) -> dict[str, Any]:
    proposal = find_proposal(database, number)
    return check_conflicts(make_work("conflicts.check", proposal.id), ports)


def test_the_loaded_organization_has_exactly_the_findings_its_file_expects(
    ports: DatabasePorts, organization: dict[str, Any]
) -> None:
    expected = {
        (each["kind"], each["severity"], frozenset(each["between"]))
        for each in organization["expected_findings"]
    }

    found = {
        (each.kind, each.severity, frozenset(each.between))
        for each in recheck_all(ports.landscape())
    }

    assert found == expected


@pytest.mark.parametrize("number", ["P2", "P4", "P6"])
def test_a_check_offers_the_slots_the_file_expects(
    loaded: Database, ports: DatabasePorts, organization: dict[str, Any], number: str
) -> None:
    result = check_number(loaded, ports, number)

    (finding,) = result["findings"]
    starts = [slot["start"] for slot in finding["ways_out"]["slots"]]
    assert starts == organization["expected_next_slots"][number]


def test_a_finding_says_who_owns_the_other_side_and_proves_itself(
    loaded: Database, ports: DatabasePorts
) -> None:
    result = check_number(loaded, ports, "P4")

    (finding,) = result["findings"]
    assert (finding["subject"], finding["other"]) == ("P4", "P2")
    assert finding["path"] == ["db-policy", "app-policy-core", "app-broker-quote"]
    assert finding["ways_out"]["owner"] == {
        "name": "Elif Sommer",
        "email": "elif.sommer@aldermoor.example",
    }
    assert result["subject_revision"] == 1
    assert (result["graph_revision"], result["window_revision"]) == (1, 1)
    assert "S04" in result["impacted_services"]


def test_a_blackout_names_the_role_that_may_override_it(
    loaded: Database, ports: DatabasePorts
) -> None:
    (finding,) = check_number(loaded, ports, "P6")["findings"]

    assert finding["kind"] == "BLACKOUT"
    assert finding["detail"]["override_role"] == "executive_board"
    assert finding["ways_out"]["owner"] is not None


@pytest.mark.parametrize("state", ["draft", "rejected", "withdrawn", "deferred", "closed"])
def test_a_proposal_that_is_not_open_is_in_nobodys_way(
    loaded: Database, ports: DatabasePorts, state: str
) -> None:
    with loaded.write() as session:
        session.scalars(select(Proposal).where(Proposal.number == "P2")).one().state = state

    assert check_number(loaded, ports, "P4")["findings"] == []


def test_a_changed_window_is_read_when_its_revision_moves_on(
    loaded: Database, ports: DatabasePorts
) -> None:
    ports.landscape()
    with loaded.write() as session:
        owner = session.scalars(select(Organization)).one()
        owner.graph_revision += 1
        owner.tz = "Europe/Paris"

    landscape = ports.landscape()

    assert landscape.settings.primary_tz == "Europe/Paris"
    assert landscape.revisions.graph == 2


def add_rfc(database: Database, **fields: Any) -> Rfc:
    with database.write() as session:
        values: dict[str, Any] = {
            "number": "RFC-9",
            "title": "Part of P2",
            "rfc_type": "normal",
            "state": "scheduled",
            "requester_id": "u06",
            "items": [{"ci": "db-policy", "action": "change", "detail": ""}],
            "created_at": AS_OF,
            "updated_at": AS_OF,
            **fields,
        }
        rfc = Rfc(**values)
        session.add(rfc)
        return rfc


def schedule(database: Database, kind: str, number: str, proposal: Proposal, **more: Any) -> None:
    with database.write() as session:
        values: dict[str, Any] = {
            "owner_kind": kind,
            "owner_number": number,
            "title": number,
            "start_at": proposal.deploy_from,
            "end_at": proposal.deploy_to,
            "tz": proposal.tz,
            "firmness": "firm",
            "cis": ["db-policy"],
            "part_of": proposal.number,
            "updated_at": AS_OF,
            **more,
        }
        session.add(ScheduleEntry(**values))


def test_a_proposal_with_its_rfc_and_release_is_no_conflict_with_itself(
    loaded: Database, ports: DatabasePorts
) -> None:
    proposal = find_proposal(loaded, "P2")
    with loaded.write() as session:
        release = Release(
            number="REL-9", name="Policy database", state="planned", manager_id="u06",
            proposal_id=proposal.id, start_at=proposal.deploy_from, end_at=proposal.deploy_to,
            tz=proposal.tz, created_at=AS_OF, updated_at=AS_OF,
        )  # fmt: skip
        session.add(release)
        session.flush()
    rfc = add_rfc(
        loaded,
        proposal_id=proposal.id,
        release_id=release.id,
        start_at=proposal.deploy_from,
        end_at=proposal.deploy_to,
    )
    schedule(loaded, "rfc", "RFC-9", proposal)
    schedule(loaded, "release", "REL-9", proposal)

    for kind, subject_id in (("proposal", proposal.id), ("rfc", rfc.id), ("release", release.id)):
        landscape, subject = ports.read_subject(kind, subject_id)
        assert subject.entry.group == "P2"
        assert {"P2", "RFC-9", "REL-9"} & set(landscape.entries) == {subject.entry.id}


def test_an_rfc_stands_for_the_deployment_of_its_proposal_which_is_found_once(
    loaded: Database, ports: DatabasePorts
) -> None:
    proposal = find_proposal(loaded, "P2")
    add_rfc(loaded, proposal_id=proposal.id)
    schedule(loaded, "rfc", "RFC-9", proposal)

    result = check_number(loaded, ports, "P4")

    assert [each["other"] for each in result["findings"]] == ["RFC-9"]


def test_rfcs_of_a_release_without_a_proposal_are_one_work(
    loaded: Database, ports: DatabasePorts
) -> None:
    proposal = find_proposal(loaded, "P2")
    with loaded.write() as session:
        release = Release(
            number="REL-9", name="Small things", state="planned", manager_id="u06",
            start_at=proposal.deploy_from, end_at=proposal.deploy_to, created_at=AS_OF,
            updated_at=AS_OF,
        )  # fmt: skip
        session.add(release)
        session.flush()
    rfc = add_rfc(
        loaded, release_id=release.id, start_at=proposal.deploy_from, end_at=proposal.deploy_to
    )

    groups = {
        ports.read_subject(kind, subject_id)[1].entry.group
        for kind, subject_id in (("rfc", rfc.id), ("release", release.id))
    }

    assert groups == {"REL-9"}


def test_a_cancelled_entry_of_the_schedule_is_in_nobodys_way(
    loaded: Database, ports: DatabasePorts
) -> None:
    proposal = find_proposal(loaded, "P4")
    schedule(loaded, "change", "C-1", proposal, cis=["app-broker-quote"], part_of=None)
    before = {each["other"] for each in check_number(loaded, ports, "P4")["findings"]}
    with loaded.write() as session:
        entry = session.scalars(
            select(ScheduleEntry).where(ScheduleEntry.owner_number == "C-1")
        ).one()
        entry.firmness = "cancelled"

    after = {each["other"] for each in check_number(loaded, ports, "P4")["findings"]}

    assert before == {"P2", "C-1"}
    assert after == {"P2"}


def test_a_subject_without_dates_is_refused_by_name(loaded: Database, ports: DatabasePorts) -> None:
    rfc = add_rfc(loaded)

    with pytest.raises(InvalidInput, match="RFC-9 has no deployment dates"):
        ports.read_subject("rfc", rfc.id)
    with pytest.raises(NotFound):
        ports.read_subject("rfc", "nothing")


def test_a_notification_finds_the_active_people_of_the_role(
    loaded: Database, ports: DatabasePorts
) -> None:
    work = make_work(
        "notifications.send", to_role="change_manager", subject_line="Decide", text="P4 waits."
    )

    result = send_notification(work, ports)

    names = [each.name for each in ports.recipients(role="change_manager", person_id=None)]
    assert "Tomas Ehlers" in names
    assert len(result["people"]) == len(names)
    assert result["mailed"] is False
    assert (result["subject_line"], result["text"]) == ("Decide", "P4 waits.")


def test_a_notification_to_a_person_reaches_only_that_person(ports: DatabasePorts) -> None:
    result = send_notification(make_work("notifications.send", to_person="u04"), ports)

    assert result["people"] == ["u04"]
    assert result["subject_line"] == "P4 needs you"


def test_a_notification_to_nobody_is_refused(ports: DatabasePorts) -> None:
    with pytest.raises(InvalidInput) as refused:
        send_notification(make_work("notifications.send", text="?"), ports)
    assert refused.value.field == "to_role"


def add_round(database: Database, release_id: str, round_number: int, state: str) -> None:
    with database.write() as session:
        session.add(
            Authorization(
                subject_kind="release", subject_id=release_id, gate="phase_3", round=round_number,
                level="change_manager", quorum=1, state=state, subject_revision=1,
                requested_at=AS_OF, decided_at=AS_OF, opened_at=AS_OF,
            )
        )  # fmt: skip


def test_a_check_in_rests_on_the_latest_round_of_phase_3_and_its_media(
    loaded: Database, ports: DatabasePorts
) -> None:
    with loaded.write() as session:
        release = Release(
            number="REL-9", name="Small things", state="check_in", manager_id="u06",
            created_at=AS_OF, updated_at=AS_OF, test={"tested_sha256": ["AB" * 32]},
        )  # fmt: skip
        session.add(release)
        session.flush()
        for name, state, owner in (("a", "received", release.id), ("b", "authorized", None)):
            session.add(
                MediaItem(
                    name=name, media_version="1", kind="application", sha256="AB" * 32,
                    size_bytes=1, state=state, store_key=name, release_id=owner, received_at=AS_OF,
                )
            )  # fmt: skip
    add_round(loaded, release.id, 1, "withdrawn")
    add_round(loaded, release.id, 2, "authorized")

    case = ports.check_in_case(release.id)

    assert case.authorization is not None
    assert case.authorization.state == "authorized"
    assert [(item.name, item.sha256) for item in case.media] == [("a", "ab" * 32)]
    assert [known.name for known in case.library] == ["b"]
    assert case.tested == {"ab" * 32}
    assert ports.check_out_case(release.id).media == case.media


def test_a_release_may_deploy_what_another_release_brought_to_the_library(
    loaded: Database, ports: DatabasePorts
) -> None:
    with loaded.write() as session:
        first, second = (
            Release(
                number=number, name=number, state="check_in", manager_id="u06",
                created_at=AS_OF, updated_at=AS_OF,
            )
            for number in ("REL-8", "REL-9")
        )  # fmt: skip
        session.add_all((first, second))
        session.flush()
        for name, state in (("a", "authorized"), ("b", "received"), ("c", "authorized")):
            session.add(
                MediaItem(
                    name=name, media_version="1", kind="application", sha256="ab" * 32,
                    size_bytes=1, state=state, store_key=name, release_id=first.id,
                    received_at=AS_OF,
                )
            )  # fmt: skip
        for name in ("a", "b"):
            session.add(
                BuildEvidence(
                    release_id=second.id, name=name, media_version="1", sha256="ab" * 32,
                    recorded_at=AS_OF, recorded_by="u10",
                )
            )  # fmt: skip

    assert [item.name for item in ports.check_out_case(second.id).media] == ["a"]
    assert [item.name for item in ports.check_in_case(second.id).media] == ["a"]
    with loaded.read() as session:
        page = list_media(session, release_id=second.id)
        facts = gather_facts(session, "release", second, {})
    assert [item.name for item in page.items] == ["a"]
    assert facts["media_count"] == 1


def test_a_release_that_is_gone_has_no_case(ports: DatabasePorts) -> None:
    with pytest.raises(NotFound):
        ports.check_in_case("nothing")
    with pytest.raises(NotFound):
        ports.check_out_case("nothing")
