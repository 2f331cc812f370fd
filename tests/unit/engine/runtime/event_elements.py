"""Short ways to write events and what they refer to."""

from __future__ import annotations

MESSAGE = '<messageEventDefinition messageRef="msg"/>'
OUTSIDE = (
    '<message id="msg" name="amended"/><message id="msg2" name="withdrawn"/>'
    '<signal id="sig" name="freeze"/><error id="err" errorCode="E1"/>'
    '<error id="err2" errorCode="E2"/><escalation id="esc" escalationCode="late"/>'
)
SIGNAL = '<signalEventDefinition signalRef="sig"/>'
ERROR = '<errorEventDefinition errorRef="err"/>'
ESCALATION = '<escalationEventDefinition escalationRef="esc"/>'


def timer(text: str, kind: str = "timeDuration") -> str:
    return f"<timerEventDefinition><{kind}>{text}</{kind}></timerEventDefinition>"


def boundary(id: str, on: str, trigger: str, *, interrupting: bool = True, more: str = "") -> str:
    cancel = "" if interrupting else 'cancelActivity="false"'
    return f'<boundaryEvent id="{id}" attachedToRef="{on}" {cancel}>{trigger}{more}</boundaryEvent>'


def catch(id: str, trigger: str) -> str:
    return f'<intermediateCatchEvent id="{id}">{trigger}</intermediateCatchEvent>'


def throw(id: str, trigger: str) -> str:
    return f'<intermediateThrowEvent id="{id}">{trigger}</intermediateThrowEvent>'


def end(id: str, trigger: str = "") -> str:
    return f'<endEvent id="{id}">{trigger}</endEvent>'


def subprocess(id: str, body: str, *, kind: str = "subProcess", attributes: str = "") -> str:
    return f'<{kind} id="{id}" {attributes}>{body}</{kind}>'
