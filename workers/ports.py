"""What handlers may ask of the world: snapshots of the database, the media store, mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from workers.conflicts.entry_snapshot import Subject
from workers.conflicts.landscape import Landscape
from workers.dml.rules import CheckInCase, CheckOutCase
from workers.dml.statement import StatementSigner
from workers.dml.storage import MediaStore


@dataclass(frozen=True, slots=True)
class Contact:
    """A person as a message needs them."""

    person_id: str
    name: str
    email: str


class WorkerPorts(Protocol):
    """The ports of handlers; every snapshot is of one moment and nothing of it changes later."""

    @property
    def media(self) -> MediaStore:
        """The objects of the media library."""
        ...

    @property
    def signer(self) -> StatementSigner:
        """The key that signs check-ins and the keys that are trusted."""
        ...

    def landscape(self) -> Landscape:
        """Give what the conflict check reads, with every open entry."""
        ...

    def read_subject(self, subject_kind: str, subject_id: str) -> tuple[Landscape, Subject]:
        """Give the landscape of other works and the subject's entry, both of one moment.

        Raises NotFound, and InvalidInput when the subject has no dates yet.
        """
        ...

    def owner_of(self, number: str) -> Contact | None:
        """Give who answers for a proposal, RFC, release or window, if somebody is known."""
        ...

    def check_in_case(self, release_id: str) -> CheckInCase:
        """Give what a check-in of this release reads; raises NotFound."""
        ...

    def check_out_case(self, release_id: str) -> CheckOutCase:
        """Give what a check-out of this release reads; raises NotFound."""
        ...

    def recipients(self, *, role: str | None, person_id: str | None) -> tuple[Contact, ...]:
        """Give the active people of a role, or the person, sorted by name."""
        ...

    def send_mail(
        self, people: tuple[Contact, ...], subject_line: str, text: str, *, message_key: str
    ) -> bool:
        """Mail these people if mail is configured; tell whether it was.

        `message_key` makes the Message-ID, so that a repeated mail can be recognized.
        """
        ...

    def archive_finished(self, older_than: timedelta) -> int:
        """Move every finished instance that ended so long ago to the archive; give how many."""
        ...

    def schedule_next_archiving(self, days: int, *, after_job: str) -> None:
        """Add tomorrow's archiving; asked again after the same job, it adds nothing."""
        ...
