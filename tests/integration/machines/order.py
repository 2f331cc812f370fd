"""An order process with most kinds of waits, and a model of it in a few lines."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from models.vocabulary import AuditTag
from tests.unit.engine.validation.drawing import TIMER

BEFORE = '<message id="m" name="paid"/><error id="fault" errorCode="FAULT"/>'
LAST = {1: "choose > done : default", 2: "choose > archive : default\narchive > done"}
REMINDED_AFTER = timedelta(hours=1)


def notation(version: int) -> str:
    """Give the diagram: written, checked by a worker and paid at once; again until it is decided.

    The second version archives the order before it is done.
    """
    return f"""
        start begin
        xor again
        and split
        user write
        boundary late attachedToRef="write" cancelActivity="false" | {TIMER.format("PT1H")}
        user remind
        end reminded
        service check camunda:type="external" camunda:topic="test.check"
        boundary broken attachedToRef="check" | <errorEventDefinition errorRef="fault"/>
        user repair
        xor checked
        catch wait_paid | <messageEventDefinition messageRef="m"/>
        and join
        user decide
        xor choose
        {"user archive" if version == 2 else ""}
        end done
        begin > again > split > write > check > checked > join > decide > choose
        split > wait_paid > join
        late > remind > reminded
        broken > repair > checked
        choose > again : more
        {LAST[version]}
    """


@dataclass
class Order:
    """Where one instance must be, by the commands that were committed."""

    key: str
    version: int
    main: str = ""
    """The element at which the written branch is; empty once it has arrived at the join."""
    is_paid: bool = False
    late_at: datetime | None = None
    reminders: int = 0
    state: str = "running"
    counts: Counter[str] = field(default_factory=Counter)
    """How often each thing was committed, by the tag it has in the record."""

    def begin_round(self, now: datetime) -> None:
        """Let the round begin: writing and payment side by side."""
        self.main, self.is_paid, self.late_at = "write", False, now + REMINDED_AFTER

    def waits_for_payment(self) -> bool:
        """Tell whether a payment would be taken now."""
        return self.state == "running" and not self.is_paid

    def pay(self) -> None:
        """Take the payment."""
        self.counts[AuditTag.MESSAGE_DELIVERED] += 1
        self.is_paid = True
        self._join()

    def complete(self, element: str, more: bool, now: datetime) -> None:
        """Complete a user task."""
        self.counts[AuditTag.TASK_COMPLETED] += 1
        if element == "remind":
            self.reminders -= 1
        elif element == "write":
            self.main, self.late_at = "check", None
        elif element == "repair":
            self.arrive()
        elif element == "decide" and more:
            self.begin_round(now)
        elif element == "decide" and self.version == 2:
            self.main = "archive"
        else:
            self.main = "done"
        self._end()

    def arrive(self) -> None:
        """Bring the written branch to the join."""
        self.main = ""
        self._join()

    def fault(self) -> None:
        """Let the worker end with a BPMN error."""
        self.main = "repair"

    def remind(self) -> None:
        """Let the deadline of writing pass."""
        self.counts[AuditTag.TIMER_FIRED] += 1
        self.reminders, self.late_at = self.reminders + 1, None

    def cancel(self) -> None:
        """Cancel the instance."""
        self.state = "cancelled"

    def waits(self) -> Counter[str]:
        """Give the elements at which rows must wait."""
        if self.state != "running":
            return Counter()
        found = Counter({"remind": self.reminders, self.main: 1})
        found["late"] = int(self.late_at is not None)
        found["wait_paid"] = int(not self.is_paid)
        del found[""], found["done"]
        return +found

    def _join(self) -> None:
        if self.main == "" and self.is_paid:
            self.main = "decide"

    def _end(self) -> None:
        if self.main == "done" and self.reminders == 0:
            self.state = "ended"
