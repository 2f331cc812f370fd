"""Rows of the conformance page: lanes, data, conditions, and what no diagram may hold."""

from __future__ import annotations

from tests.conformance.play import Construct, done, role

SHAPE = (
    Construct(
        "process without an end event",
        "start begin\nuser a\nbegin > a",
        refused="no-end",
    ),
    Construct(
        "task that nothing leads to",
        "start begin\nuser a\nend done\nuser island\nbegin > a > done\nisland > done",
        refused="unreachable",
    ),
    Construct(
        "two start events",
        "start begin\nstart second\nuser a\nend done\nbegin > a > done\nsecond > a",
        refused="many-starts",
    ),
    Construct(
        "flow to an element that is not there",
        "start begin\nuser a\nend done\nbegin > a > done\na > nowhere",
        refused="dangling-flow",
    ),
    Construct(
        "element ids `Start`, `End`, `Root`",
        "start Start\nuser Root\nend End\nStart > Root > End",
        refused="reserved-id",
    ),
    Construct(
        "script in Python",
        'start begin\nscript a scriptFormat="python" | <script>x = 1</script>\nend done\n'
        "begin > a > done",
        refused="unsupported",
    ),
    Construct(
        "service task that names a Java class",
        'start begin\nservice a camunda:class="com.example.Pay"\nend done\nbegin > a > done',
        refused="no-implementation unsupported",
    ),
    Construct(
        "business rule task without a decision",
        "start begin\nrule a\nend done\nbegin > a > done",
        refused="unknown-decision",
    ),
    Construct(
        "ad hoc subprocess",
        "start begin\nadhoc a {\nuser inner\n}\nend done\nbegin > a > done",
        refused="no-end no-start unsupported",
    ),
    Construct(
        "token quantities other than 1",
        'start begin\nuser a completionQuantity="2"\nend done\nbegin > a > done',
        refused="unsupported",
    ),
)

_LANES = (
    '<laneSet id="ls"><lane id="l1" name="Change" assent:role="change_manager">'
    '<flowNodeRef>outer</flowNodeRef><childLaneSet id="cs"><lane id="l2" name="Owners" '
    'assent:role="service_owner"><flowNodeRef>a</flowNodeRef></lane></childLaneSet></lane></laneSet>'
)
_THIRD = "<lane id='l3' name='Third' assent:role='cab_member'><flowNodeRef>a</flowNodeRef></lane>"
_IN_LANES = (
    "start begin\nuser a\nsub outer {\nstart s\nuser b\nend e\ns > b > e\n}\nend done\n"
    "begin > a > outer > done"
)

DATA = (
    Construct(
        "role of the innermost lane; a subprocess gives its lane to what is inside",
        _IN_LANES,
        (role("a", "service_owner"), done("a"), role("b", "change_manager"), done("b")),
        "begin a s b e outer done",
        roles=True,
        inside=_LANES,
    ),
    Construct("user task in no lane", _IN_LANES, refused="lane", roles=True),
    Construct(
        "user task in two lanes",
        _IN_LANES,
        refused="lane",
        roles=True,
        inside=_LANES.replace(
            "</lane></childLaneSet>",
            "</lane><lane id='l3' name='Third' "
            "assent:role='cab_member'><flowNodeRef>a</flowNodeRef></lane></childLaneSet>",
        ),
    ),
    Construct(
        "lane without a role",
        _IN_LANES,
        refused="lane",
        roles=True,
        inside=_LANES.replace(' assent:role="service_owner"', ""),
    ),
    Construct(
        "data objects, which hold process variables across joins",
        "start begin\nand f\nuser a\nuser b\nand j\nend done\nbegin > f > a > j > done\nf > b > j",
        (done("a", report="ready"), done("b")),
        "begin f a b j done",
        {"report": "ready"},
        inside='<dataObject id="report"/><dataObjectReference id="r1" dataObjectRef="report"/>',
    ),
    Construct(
        "data association that computes a value",
        "start begin\nuser a | <dataOutputAssociation id='da'><targetRef>r1</targetRef><assignment>"
        "<from>1</from><to>report</to></assignment></dataOutputAssociation>\nend done\n"
        "begin > a > done",
        refused="unsupported",
        inside='<dataObject id="report"/><dataObjectReference id="r1" dataObjectRef="report"/>',
    ),
    Construct(
        "condition on a variable nothing sets",
        "start begin\nxor c\nend done\nend other\nbegin > c\nc > done : amuont > 1\n"
        "c > other : default",
        refused="unknown-variable",
    ),
    Construct(
        "condition that is not FEEL",
        'start begin\nxor c\nend done\nend other\nbegin > c\nc > done : __import__("os")\n'
        "c > other : default",
        refused="feel-syntax",
    ),
    Construct(
        "condition that gives no truth value at run time",
        "start begin\nuser a\nxor c\nend done\nend other\nbegin > a > c\nc > done : yes\n"
        "c > other : default",
        (done("a", yes=1),),
        incident="feel f6_0",
    ),
)
