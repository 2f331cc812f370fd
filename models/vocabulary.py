"""The words of the house: states, roles, decisions and audit tags, each with its sentence."""

from __future__ import annotations

from enum import StrEnum

ACRONYMS = {"pmo": "PMO", "dml": "DML", "dba": "DBA", "cab": "CAB", "rfc": "RFC"}


class Word(StrEnum):
    """A value with a meaning; the pages, the API description and the docs print the meaning."""

    meaning: str

    def __new__(cls, value: str, meaning: str = "") -> Word:
        """Make a member of a value and its sentence."""
        word = str.__new__(cls, value)
        word._value_ = value
        word.meaning = meaning
        return word

    @property
    def label(self) -> str:
        """Give the value as people read it; acronyms keep their capitals."""
        words = self.value.replace("_", " ").capitalize().split()
        return " ".join(ACRONYMS.get(word.lower(), word) for word in words)


class Role(Word):
    """What a person may be asked to do."""

    PORTFOLIO_MANAGER = "portfolio_manager", "raises proposals and charters services"
    PMO_LEAD = "pmo_lead", "raises proposals for programs and projects"
    CHANGE_MANAGER = "change_manager", "runs change management day to day; authorizes phases"
    RELEASE_MANAGER = "release_manager", "plans and runs releases"
    CAB_MEMBER = "cab_member", "advises on and authorizes changes"
    SERVICE_OWNER = "service_owner", "answers for a service"
    EXECUTIVE_BOARD = "executive_board", "authorizes what is large, costly or risky"
    BUILD_ENGINEER = "build_engineer", "builds what a release carries"
    TEST_MANAGER = "test_manager", "tests what was built"
    DML_LIBRARIAN = "dml_librarian", "keeps the Definitive Media Library"
    DEPLOYMENT_OPERATOR = "deployment_operator", "deploys and backs out"
    DBA_LEAD = "dba_lead", "designs and runs databases and infrastructure"
    PROCESS_OWNER = "process_owner", "is accountable for the processes and edits the diagrams"
    INTEGRATOR = "integrator", "connects other systems over HTTP"
    AUDITOR = "auditor", "reads the record"


class ProposalState(Word):
    """Where a change proposal stands."""

    DRAFT = "draft", "being written; nobody else acts on it"
    SUBMITTED = "submitted", "handed in; request or proposal is being decided"
    UNDER_REVIEW = "under_review", "change management checks conflicts and assesses"
    NEEDS_REWORK = "needs_rework", "sent back to those who proposed it"
    DEFERRED = "deferred", "put off; can be taken up again"
    AUTHORIZED = "authorized", "authorized to be chartered; not approved for implementation"
    CHARTERED = "chartered", "chartered to design, not approved to implement"
    IN_DESIGN = "in_design", "designers work on it"
    IN_TRANSITION = "in_transition", "design accepted; releases carry it"
    REALIZED = "realized", "deployed"
    CLOSED = "closed", "reviewed and closed"
    ROUTED = "routed_to_request", "small enough for a request for change"
    REJECTED = "rejected", "change management said no"
    WITHDRAWN = "withdrawn", "taken back by those who proposed it"


class RfcState(Word):
    """Where a request for change stands."""

    DRAFT = "draft", "being written"
    SUBMITTED = "submitted", "handed in"
    ASSESSED = "assessed", "risk and impact are known"
    CONFLICT_OPEN = "conflict_open", "clashes with something; being resolved"
    NEEDS_REWORK = "needs_rework", "sent back"
    AUTHORIZED = "authorized", "authorized to be built and released"
    SCHEDULED = "scheduled", "in the change schedule"
    IMPLEMENTING = "implementing", "being deployed"
    IMPLEMENTED = "implemented", "live"
    CLOSED = "closed", "closed with an outcome"
    REJECTED = "rejected", "not authorized"


class ReleaseState(Word):
    """Where a release stands."""

    PLANNED = "planned", "waits for the authorization of planning"
    PLANNING = "planning", "phase 1: release and deployment planning"
    BUILD_AND_TEST = "build_and_test", "phase 2: build and test"
    CHECK_IN = "check_in", "phase 3: media go to the Definitive Media Library"
    IN_DML = "in_dml", "media are in the Definitive Media Library"
    DEPLOYING = "deploying", "phase 4: deployment"
    EARLY_LIFE_SUPPORT = "early_life_support", "live with extra support"
    DEPLOYED = "deployed", "live; the review is open"
    BACKED_OUT = "backed_out", "deployment failed and was undone; planning again"
    CLOSED = "closed", "reviewed and closed"
    CANCELLED = "cancelled", "will not be deployed"


class InstanceState(Word):
    """Whether an instance of a diagram still runs."""

    RUNNING = "running", "waits for a person, a worker, a message or a time"
    ENDED = "ended", "reached its end"
    CANCELLED = "cancelled", "ended by a person before its end"


class TaskState(Word):
    """Whether a user task still waits for somebody."""

    OPEN = "open", "waits for somebody"
    DONE = "done", "completed"
    CANCELLED = "cancelled", "no longer needed; the diagram went another way"


class Decision(Word):
    """What an authority may decide."""

    AUTHORIZE = "authorize", "it may go on"
    AUTHORIZE_WITH_CONDITIONS = (
        "authorize_with_conditions",
        "it may go on; the conditions must be met",
    )
    SEND_BACK = "send_back", "it needs rework first"
    REJECT = "reject", "it will not be done"

    @property
    def past(self) -> str:
        """Give what somebody did who decided so, as the history tells it."""
        sent_back = self is Decision.SEND_BACK
        first, _, rest = self.label.lower().partition(" ")
        return "sent back" if sent_back else f"{first.removesuffix('e')}ed {rest}".strip()


class AuthorizationState(Word):
    """What has become of a request to authorize."""

    PENDING = "pending", "votes are being collected"
    AUTHORIZED = "authorized", "the quorum authorized it"
    WITH_CONDITIONS = "authorized_with_conditions", "authorized; conditions are on record"
    REFUSED = "refused", "sent back or rejected"
    WITHDRAWN = "withdrawn", "what it rested on was changed afterwards"


class FindingState(Word):
    """What has become of a conflict finding."""

    OPEN = "open", "nobody has resolved it"
    RESOLVED_BY_MOVE = "resolved_by_move", "the dates were moved"
    RESOLVED_BY_CHANGE = "resolved_by_change", "the plan was changed so that it no longer clashes"
    ACCEPTED_OVERRIDE = "accepted_override", "accepted with a reason by the authority for it"
    GONE = "gone", "a later check no longer finds it"


class MediaState(Word):
    """Where a media item of the Definitive Media Library stands."""

    RECEIVED = "received", "in quarantine, not verified"
    REJECTED = "rejected", "refused at check-in"
    AUTHORIZED = "authorized", "verified, stored write-once, may be deployed"
    WITHDRAWN = "withdrawn", "kept, but may not be deployed"


class JobState(Word):
    """Where a job of a worker stands."""

    SCHEDULED = "scheduled", "due later"
    READY = "ready", "waits for a worker"
    LEASED = "leased", "a worker is at it"
    DEAD = "dead", "failed for good; an incident is open"


class JobKind(Word):
    """Why a job exists."""

    SERVICE = "service", "a service task of a diagram"
    TIMER = "timer", "a timer of a diagram"
    SYSTEM = "system", "asked for by a command: a mail, a re-check"


class Channel(Word):
    """Who carries a job out."""

    ENGINE = "engine", "a worker inside Assent"
    EXTERNAL = "external", "an external worker, which fetches it over HTTP"


class WaitKind(Word):
    """What an event of an instance waits for from outside."""

    MESSAGE = "message", "a message meant for this instance by its correlation key"
    SIGNAL = "signal", "a signal, which reaches everybody who waits for it"


class Severity(Word):
    """How bad a conflict is."""

    BLOCKER = "blocker", "cannot go on as planned"
    HIGH = "high", "must be resolved or overridden"
    MEDIUM = "medium", "must be resolved or overridden if the policy says so"
    LOW = "low", "worth knowing"
    INFO = "info", "a note"


class Firmness(Word):
    """How firm a schedule entry is."""

    FORECAST = "forecast", "asked for in a proposal; not authorized"
    TENTATIVE = "tentative", "authorized as a proposal; not approved for implementation"
    FIRM = "firm", "an authorized change"
    ACTIVE = "active", "being deployed now"
    DONE = "done", "implemented"
    CANCELLED = "cancelled", "will not happen"


OPEN_FIRMNESS = (Firmness.FORECAST, Firmness.TENTATIVE, Firmness.FIRM, Firmness.ACTIVE)


class SubjectKind(Word):
    """What an instance, an authorization or a finding is about."""

    PROPOSAL = "proposal", "a change proposal"
    RFC = "rfc", "a request for change"
    RELEASE = "release", "a release"
    REVIEW = "review", "a post-implementation review"


class AuditTag(Word):
    """What can happen, as source:subject:action in the past tense."""

    INSTANCE_STARTED = "engine:instance:started", "a process instance was started"
    INSTANCE_ADVANCED = "engine:instance:advanced", "the diagram moved on"
    INSTANCE_ENDED = "engine:instance:ended", "the process instance reached its end"
    INSTANCE_MIGRATED = "engine:instance:migrated", "it was brought to another version"
    INSTANCE_MODIFIED = "engine:instance:modified", "a person changed where it is"
    INSTANCE_ARCHIVED = "engine:instance:archived", "a finished instance went to the archive"
    INSTANCE_RESTORED = "engine:instance:restored", "it came back from the archive"
    MESSAGE_DELIVERED = "engine:message:delivered", "a message reached the instance"
    MESSAGE_BUFFERED = "engine:message:buffered", "a message waits for its instance"
    SIGNAL_BROADCAST = "engine:signal:broadcast", "a signal was sent to all who wait for it"
    SIGNAL_DELIVERED = "engine:signal:delivered", "a signal reached the instance"
    TIMER_FIRED = "engine:timer:fired", "a deadline or timer passed"
    TASK_CLAIMED = "task:task:claimed", "a task was claimed"
    TASK_RELEASED = "task:task:released", "a claim was given back"
    TASK_COMPLETED = "task:task:completed", "a task was completed"
    VOTE_CAST = "authority:vote:cast", "an authority voted"
    GATE_SEATED = "authority:gate:seated", "the people who decide were named"
    GATE_OPENED = "authority:gate:opened", "a gate was opened by its authorizations"
    GATE_REFUSED = "authority:gate:refused", "a gate was sent back or rejected"
    AUTHORIZATION_WITHDRAWN = "authority:authorization:withdrawn", "what it rested on changed"
    CRITERION_WAIVED = "authority:criterion:waived", "a criterion was waived with a reason"
    PROPOSAL_DRAFTED = "proposal:draft:saved", "a draft was saved"
    PROPOSAL_SUBMITTED = "proposal:proposal:submitted", "a proposal was handed in"
    PROPOSAL_AMENDED = "proposal:proposal:amended", "a proposal was changed"
    PROPOSAL_MARKED = "proposal:proposal:marked", "a proposal moved to another state"
    PROPOSAL_CHARTERED = "proposal:proposal:chartered", "chartered to design"
    DESIGN_ACCEPTED = "proposal:design:accepted", "the design was accepted"
    DESIGN_REOPENED = "proposal:design:reopened", "it went back to design"
    CONFLICTS_CHECKED = "conflict:run:recorded", "a conflict check was recorded"
    FINDING_RESOLVED = "conflict:finding:resolved", "a finding was resolved"
    FINDING_OVERRIDDEN = "conflict:finding:overridden", "a finding was accepted with a reason"
    SCHEDULE_PUBLISHED = "schedule:entry:published", "the change schedule was updated"
    SCHEDULE_CANCELLED = "schedule:entry:cancelled", "an entry left the change schedule"
    RFC_RAISED = "rfc:rfc:raised", "a request for change was raised"
    RFC_MARKED = "rfc:rfc:marked", "a request for change moved to another state"
    RFC_RISK_RECORDED = "rfc:risk:recorded", "the risk score was recorded"
    RELEASE_CREATED = "release:release:created", "a release was created"
    RELEASE_MARKED = "release:release:marked", "a release moved on"
    PLAN_RECORDED = "release:plan:recorded", "the release plan was recorded"
    BUILD_RECORDED = "release:build:recorded", "build evidence was recorded"
    TEST_RECORDED = "release:test:recorded", "test evidence was recorded"
    MEDIA_RECEIVED = "dml:media:received", "media were received into quarantine"
    MEDIA_CHECKED_IN = "dml:media:checked_in", "media were stored in the library"
    MEDIA_REFUSED = "dml:media:refused", "media were refused at check-in"
    MEDIA_CHECKED_OUT = "dml:media:checked_out", "media were verified for deployment"
    REVIEW_OPENED = "review:review:opened", "a review was opened"
    REVIEW_RECORDED = "review:review:recorded", "a review was written"
    REVIEW_CLOSED = "review:review:closed", "a review was closed"
    NOTICE_SENT = "notice:notice:sent", "a person was told"
    JOB_FAILED = "job:job:failed", "a job failed and will be tried again"
    INCIDENT_OPENED = "job:incident:opened", "something failed for good and waits for a person"
    INCIDENT_ASSIGNED = "job:incident:assigned", "a person was asked to see to an incident"
    INCIDENT_RETRIED = "job:incident:retried", "a person asked for another try"
    INCIDENT_RESOLVED = "job:incident:resolved", "a person saw to an incident"
    DEFINITION_DEPLOYED = "process:definition:deployed", "a new version was deployed"
    KEY_REPLACED = "installation:key:replaced", "a key that all processes share was replaced"
    ORGANIZATION_LOADED = "organization:data:loaded", "an organization was loaded"
    SIGNED_IN = "account:session:started", "somebody signed in"
    SIGN_IN_REFUSED = "account:session:refused", "a sign-in was refused"
    SIGNED_OUT = "account:session:ended", "somebody signed out"
    TOKEN_ISSUED = "account:token:issued", "an API token was issued"
    TOKEN_REVOKED = "account:token:revoked", "an API token was revoked"
