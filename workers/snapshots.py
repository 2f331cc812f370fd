"""The ports of handlers on the real database: snapshots of one moment, media, mail, archive."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.clock import Clock
from engine.commands.archive import archive_finished, schedule_archiving
from engine.commands.context import execute
from engine.context import SYSTEM
from models.account import Person, RoleAssignment
from models.change import Rfc
from models.database import Database
from models.organization import Window as WindowRow
from models.proposal import Proposal
from models.release import Release
from workers.conflicts.entry_snapshot import EntryReader, Subject, leave_out_group
from workers.conflicts.landscape import Ci, Entry, Landscape
from workers.conflicts.organization_snapshot import (
    load_organization,
    read_organization,
    read_revisions,
)
from workers.dml.rules import CheckInCase, CheckOutCase
from workers.dml.snapshot import read_check_in_case, read_check_out_case, read_objects_in_use
from workers.dml.statement import StatementSigner
from workers.dml.storage import MediaStore
from workers.mail import MailServer, make_mail, send_mails
from workers.ports import Contact

#: An upload may be on its way to its record for so long.
KEPT_IN_QUARANTINE = timedelta(days=1)


class DatabasePorts:
    """Reads each snapshot in one read transaction and gives it as frozen values."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        media: MediaStore,
        signer: StatementSigner,
        mail_server: MailServer | None = None,
    ):
        """Take the database to read, the media store, the signing key and perhaps a mail server."""
        self._database = database
        self._clock = clock
        self.media = media
        self.signer = signer
        self._mail_server = mail_server
        self._organization_guard = threading.Lock()
        self._organization: tuple[tuple[int, int], Landscape] | None = None

    def landscape(self) -> Landscape:
        """Give what the conflict check reads, with every open entry."""
        with self._database.read() as session:
            landscape, reader = self._read_landscape(session)
            return _with_entries(landscape, reader.read_open_entries())

    def read_subject(self, subject_kind: str, subject_id: str) -> tuple[Landscape, Subject]:
        """Give the landscape of other works and the subject's entry, both of one moment.

        Raises NotFound, and InvalidInput when the subject has no dates yet.
        """
        with self._database.read() as session:
            landscape, reader = self._read_landscape(session)
            subject = reader.read_subject(subject_kind, subject_id)
            entries = leave_out_group(reader.read_open_entries(), subject.entry)
            return _with_entries(landscape, {**entries, subject.entry.id: subject.entry}), subject

    def owner_of(self, number: str) -> Contact | None:
        """Give who answers for a proposal, RFC, release or window, if somebody is known."""
        columns = (
            (Proposal.proposer_id, Proposal.number),
            (Rfc.requester_id, Rfc.number),
            (Release.manager_id, Release.number),
            (WindowRow.owner_id, WindowRow.code),
        )
        with self._database.read() as session:
            for owner, key in columns:
                person_id = session.scalar(select(owner).where(key == number))
                if person_id is not None:
                    person = session.get(Person, person_id)
                    return _contact(person) if person else None
        return None

    def check_in_case(self, release_id: str) -> CheckInCase:
        """Give what a check-in of this release reads; raises NotFound."""
        with self._database.read() as session:
            return read_check_in_case(session, release_id)

    def check_out_case(self, release_id: str) -> CheckOutCase:
        """Give what a check-out of this release reads; raises NotFound."""
        with self._database.read() as session:
            return read_check_out_case(session, release_id)

    def sweep_quarantine(self) -> int:
        """Remove from quarantine what no media item names for a day; give how many objects."""
        with self._database.read() as session:
            in_use = read_objects_in_use(session)
        return self.media.sweep_quarantine(in_use, self._clock.now() - KEPT_IN_QUARANTINE)

    def recipients(self, *, role: str | None, person_id: str | None) -> tuple[Contact, ...]:
        """Give the active people of a role, or the person, sorted by name."""
        wanted = select(Person).where(Person.active).order_by(Person.name, Person.id)
        if person_id:
            wanted = wanted.where(Person.id == person_id)
        else:
            wanted = wanted.join(RoleAssignment, RoleAssignment.person_id == Person.id).where(
                RoleAssignment.role == (role or "")
            )
        with self._database.read() as session:
            return tuple(_contact(person) for person in session.scalars(wanted))

    def send_mail(
        self, people: tuple[Contact, ...], subject_line: str, text: str, *, message_key: str
    ) -> bool:
        """Mail each of these people if a mail server is configured; tell whether it is."""
        server = self._mail_server
        if server is None or not people:
            return False
        send_mails(
            server,
            [
                make_mail(server, each.email, subject_line, text, message_key=message_key)
                for each in people
            ],
        )
        return True

    def archive_finished(self, older_than: timedelta) -> int:
        """Move every finished instance that ended so long ago to the archive; give how many."""
        count = 0
        while ids := execute(
            self._database, self._clock, SYSTEM, archive_finished, older_than=older_than
        ):
            count += len(ids)
        return count

    def schedule_next_archiving(self, days: int, *, after_job: str) -> None:
        """Add tomorrow's archiving; asked again after the same job, it adds nothing."""
        execute(
            self._database, self._clock, SYSTEM, schedule_archiving, days=days, after_job=after_job
        )

    def _read_landscape(self, session: Session) -> tuple[Landscape, EntryReader]:
        organization = load_organization(session)
        key = (organization.graph_revision, organization.window_revision)
        with self._organization_guard:
            if self._organization is None or self._organization[0] != key:
                self._organization = (key, read_organization(session, organization))
            known = self._organization[1]
        landscape = replace(
            known,
            settings=replace(known.settings, as_of_utc=self._clock.now()),
            revisions=read_revisions(organization),
        )
        return landscape, EntryReader(session, organization.settings)


def _with_entries(landscape: Landscape, entries: dict[str, Entry]) -> Landscape:
    """Add the entries, and the CIs they bring: those may be named, but depend on nothing yet."""
    named = {ci for entry in entries.values() for ci in entry.changed_cis}
    planned = {
        code: Ci(code, code, None, ci_class="planned") for code in named - set(landscape.cis)
    }
    return replace(landscape, entries=entries, cis={**landscape.cis, **planned})


def _contact(person: Person) -> Contact:
    return Contact(person.id, person.name, person.email)
