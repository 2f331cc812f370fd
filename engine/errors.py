"""The one tree of refusals: each has a stable code, an HTTP status and a message for people.

The docstring of a class is its default message. Anything that refuses work raises one of these;
anything else that escapes is a defect.
"""

from __future__ import annotations

from typing import Any, ClassVar


class Refusal(Exception):
    """The request could not be carried out."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400
    #: What an instance had done when it was refused to go on; none of it was kept.
    steps: tuple[Any, ...] = ()

    def __init__(self, message: str | None = None, *, field: str | None = None, **detail: Any):
        """Take the message for people, the field or element it is about, and machine detail."""
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.field = field
        self.detail = detail
        super().__init__(self.message)


class InvalidInput(Refusal):
    """The input is not valid; each field says what is wrong with it."""

    code = "invalid-input"
    status = 422

    def __init__(
        self,
        message: str | None = None,
        *,
        field: str | None = None,
        fields: dict[str, str] | None = None,
        **detail: Any,
    ):
        """Take messages by field name; they are shown beside the fields."""
        super().__init__(message, field=field, **detail)
        self.fields: dict[str, str] = dict(fields or ({field: self.message} if field else {}))


class BadData(Refusal):
    """The data is not in the canonical form; `code` says which rule it breaks."""

    code = "bad-data"
    status = 400

    def __init__(self, code: str, message: str, *, field: str | None = None, **detail: Any):
        """Take the stable code of the broken rule, for example `too-deep` or `reserved-name`."""
        super().__init__(message, field=field, **detail)
        self.code = code  # type: ignore[misc]  # The rule broken differs by instance.


class NotFound(Refusal):
    """There is no such thing, or it is not yours to see."""

    code = "not-found"
    status = 404


class NotAllowed(Refusal):
    """You do not hold the role this needs."""

    code = "role"
    status = 403


class SeparationOfDuties(Refusal):
    """Separation of duties: this person may not decide here."""

    code = "separation-of-duties"
    status = 403


class NotSignedIn(Refusal):
    """Sign in or send a valid token."""

    code = "not-signed-in"
    status = 401


class Conflict(Refusal):
    """The state has changed since you looked."""

    code = "conflict"
    status = 409


class TaskAlreadyClaimed(Conflict):
    """Somebody else has claimed this task."""

    code = "claimed-by"


class TaskAlreadyDone(Conflict):
    """Somebody has completed this task already."""

    code = "done-by"


class TaskNotOpen(Conflict):
    """This task is not open."""

    code = "not-open"


class StaleInstance(Conflict):
    """The instance was changed by somebody else at the same moment; try again."""

    code = "stale"


class LeaseLost(Conflict):
    """The lease of this job has ended; the result was not taken."""

    code = "lease-lost"


class KeyReused(Refusal):
    """This Idempotency-Key was used with another request."""

    code = "key-reused"
    status = 422


class GateClosed(Conflict):
    """The gate stays closed: authorizations or criteria are missing."""

    code = "gate-closed"


class UnknownProcess(NotFound):
    """No process of that key is deployed."""

    code = "unknown-process"


class LoopLimit(Refusal):
    """The diagram ran too many automatic steps without waiting."""

    code = "loop-limit"
    status = 422


class ExpressionFailed(Refusal):
    """An expression in the diagram or decision table could not be evaluated."""

    code = "feel"
    status = 422


class DiagramRefused(InvalidInput):
    """The diagram cannot be published; each problem names its element."""

    code = "diagram-refused"
    status = 422

    def __init__(self, problems: list[dict[str, Any]]):
        """Take problems as {code, element, line, message, hint} dictionaries."""
        first = problems[0]["message"] if problems else None
        super().__init__(first, problems=problems)
        self.problems = problems


class RunFailed(Refusal):
    """The instance could not advance; nothing was changed."""

    code = "run-failed"
    status = 422

    def __init__(
        self, message: str | None = None, *, element: str | None = None, code: str | None = None
    ):
        """Take the element that failed and a stable code for the incident."""
        super().__init__(message, field=element)
        self.element = element
        if code:
            self.code = code  # type: ignore[misc]  # The cause differs by instance.


class TooLarge(Refusal):
    """The body is larger than allowed."""

    code = "too-large"
    status = 413


class DigestMismatch(InvalidInput):
    """The bytes do not have the digest that the build evidence names."""

    code = "digest"


class StorageFull(Refusal):
    """There is no room left to store this."""

    code = "storage-full"
    status = 507


class InstanceArchived(Conflict):
    """The instance is in the archive, where nothing changes it; restore it first."""

    code = "archived"


class ArchiveDamaged(Refusal):
    """What the archive holds of this instance is not what was put there."""

    code = "archive-damaged"
    status = 500


class ValueDamaged(Refusal):
    """A large value of this instance is missing, or is not what was kept."""

    code = "value-damaged"
    status = 500


class NotWaiting(Conflict):
    """The instance is not waiting for this."""

    code = "not-waiting"


class BadParameter(Refusal):
    """A parameter of the address is not valid."""

    code = "bad-parameter"


class UnsupportedMediaType(Refusal):
    """The body must be JSON, sent as application/json."""

    code = "unsupported-media-type"
    status = 415


class PreconditionFailed(Refusal):
    """It was changed since you read it; read it again and decide anew."""

    code = "precondition-failed"
    status = 412


class ScopeMissing(Refusal):
    """The token does not have the scope this needs."""

    code = "scope"
    status = 403


class TopicNotGranted(Refusal):
    """The token may not take jobs of this topic."""

    code = "topic"
    status = 403


class CsrfRefused(Refusal):
    """This did not come from a page of this session; open the page again and send it anew."""

    code = "csrf"
    status = 403


class TooManyAttempts(Refusal):
    """Too many sign-ins were refused for this account; wait before the next."""

    code = "too-many-attempts"
    status = 429


class TemporarilyUnavailable(Refusal):
    """The database does not answer or cannot be written; nothing was changed."""

    code = "unavailable"
    status = 503


ENGINE_FAILURES = (RunFailed, LoopLimit, ExpressionFailed, UnknownProcess)
"""What goes wrong in a diagram rather than in a request; while an instance runs, an incident."""
