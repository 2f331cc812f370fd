"""The small pictures inside tasks, events and gateways, as SVG path data.

Task icons are drawn on a 18 × 18 grid, event and gateway icons around the origin of a circle
with radius 18 (BPMN 2.0.2 section 7 and 10). Filled pictures have their own class in the CSS.
"""

from __future__ import annotations

#: Icons at the upper left of tasks.
TASKS = {
    "userTask": "M9 8.2a3.3 3.3 0 1 0 0-6.6a3.3 3.3 0 0 0 0 6.6zM2.5 16.5v-2.2"
    "c0-3 2.3-4.6 4.3-4.9M15.5 16.5v-2.2c0-3-2.3-4.6-4.3-4.9M2.5 16.5h13",
    "serviceTask": "M9 6.3a2.7 2.7 0 1 0 0 5.4a2.7 2.7 0 0 0 0-5.4zM7.8 1.5h2.4l.4 2"
    "l1.6.7l1.7-1.1l1.7 1.7l-1.1 1.7l.7 1.6l2 .4v2.4l-2 .4l-.7 1.6l1.1 1.7"
    "l-1.7 1.7l-1.7-1.1l-1.6.7l-.4 2h-2.4l-.4-2l-1.6-.7l-1.7 1.1l-1.7-1.7"
    "l1.1-1.7l-.7-1.6l-2-.4v-2.4l2-.4l.7-1.6l-1.1-1.7l1.7-1.7l1.7 1.1"
    "l1.6-.7z",
    "businessRuleTask": "M1.5 3h15v12h-15zM1.5 7h15M1.5 11h15M6 7v8",
    "scriptTask": "M4.5 1.5h11c-4.5 4 2 7.5-2 15h-11c4.5-7 -2.5-10.5 2-15z"
    "M5.3 5.5h6M5.3 9h7M6.3 12.5h6.5",
    "sendTask": "M1.5 4h15v10.5h-15zl7.5 6l7.5-6",
    "receiveTask": "M1.5 4h15v10.5h-15zl7.5 6l7.5-6",
    "manualTask": "M2 9.5l3.8-4.5h7.2c1.5 0 1.5 2 0 2h-4.5h7c1.5 0 1.5 2 0 2h-6"
    "h5.5c1.5 0 1.5 2 0 2h-5.5h4.5c1.5 0 1.5 2 0 2h-7.5c-1.5 0-3-.8-4.5-2.5z",
}

#: Marks at the lower edge of activities, 14 × 14.
MARKS = {
    "loop": "M5 12.5a5.3 5.3 0 1 1 4.5 0M5.2 9v3.7h-3.7",
    "parallel": "M3 1.5v11M7 1.5v11M11 1.5v11",
    "sequential": "M1.5 3h11M1.5 7h11M1.5 11h11",
    "collapsed": "M.5 .5h13v13h-13zM7 3v8M3 7h8",
    "adHoc": "M1.5 8.5c1.5-4 4-4 5.5-1.5s4 2.5 5.5-1.5",
    "compensation": "M6.5 3v8l-5.5-4zM12.5 3v8l-5.5-4z",
}

#: Pictures inside events; drawn around the center.
EVENTS = {
    "message": "M-8.5-6h17v12h-17zl8.5 7l8.5-7",
    "timer": "M0-9.5a9.5 9.5 0 1 0 .01 0zM0-6v6l4 3M0-9.5v2M9.5 0h-2M0 9.5v-2M-9.5 0h2",
    "error": "M-8 7l4.5-13.5l6.5 8l5-8.5l-4.5 14l-6.5-8z",
    "escalation": "M0-8.5l7 16l-7-7l-7 7z",
    "signal": "M0-8.5l8.5 14h-17z",
    "terminate": "M0-9.5a9.5 9.5 0 1 0 .01 0z",
    "link": "M-8.5-3.5h9v-4.5l8 8l-8 8v-4.5h-9z",
    "conditional": "M-6.5-8.5h13v17h-13zM-4-5h8M-4-1.7h8M-4 1.7h8M-4 5h8",
    "compensate": "M-1-6v12l-8-6zM8-6v12l-8-6z",
    "cancel": "M-8-5.5l2.5-2.5l5.5 5.5l5.5-5.5l2.5 2.5l-5.5 5.5l5.5 5.5l-2.5 2.5"
    "l-5.5-5.5l-5.5 5.5l-2.5-2.5l5.5-5.5z",
    "multiple": "M0-9l8.7 6.3l-3.3 10.2h-10.8l-3.3-10.2z",
    "parallelMultiple": "M-2.5-9h5v6.5h6.5v5h-6.5v6.5h-5v-6.5h-6.5v-5h6.5z",
}

#: Pictures inside gateways; drawn around the center.
GATEWAYS = {
    "exclusiveGateway": "M-6.5-7.5l13 15M6.5-7.5l-13 15",
    "parallelGateway": "M0-11v22M-11 0h22",
    "inclusiveGateway": "M0-10.5a10.5 10.5 0 1 0 .01 0z",
    "complexGateway": "M0-11v22M-11 0h22M-7.5-7.5l15 15M7.5-7.5l-15 15",
    "eventBasedGateway": "M0-13.5a13.5 13.5 0 1 0 .01 0zM0-10.5a10.5 10.5 0 1 0 .01 0z"
    "M0-6l5.8 4.2l-2.2 6.8h-7.2l-2.2-6.8z",
}
