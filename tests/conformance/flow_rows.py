"""Rows of the conformance page: tasks, flows, gateways, and what happens to data at joins."""

from __future__ import annotations

from tests.conformance.play import LINK, Construct, done, sees, waiting

TASKS = (
    Construct(
        "user task, manual task, plain task",
        "start begin\nuser a\nmanual b\ntask c\nend done\nbegin > a > b > c > done",
        (done("a", x=1), done("b")),
        "begin a b c done",
        {"x": 1},
    ),
    Construct(
        "script task in FEEL",
        'start begin\nscript a scriptFormat="feel" | <script>x = 2&#10;y = x * 3</script>\n'
        "end done\nbegin > a > done",
        (),
        "begin a done",
        {"x": 2, "y": 6},
    ),
    Construct(
        "service task done by a worker",
        'start begin\nservice a camunda:type="external" camunda:topic="dml.check_in"\nend done\n'
        "begin > a > done",
        (done("a", checkin_accepted=True),),
        "begin a done",
        {"checkin_accepted": True},
    ),
    Construct(
        "business rule task",
        'start begin\nrule a camunda:decisionRef="fee"\nend done\nbegin > a > done',
        (),
        "begin a done",
        {"fee": 14},
        {"amount": 7},
    ),
    Construct(
        "several outgoing flows of a task",
        "start begin\ntask a\nuser b\nuser c\nend d\nend e\nbegin > a > b > d\na > c > e",
        (waiting("b c"), done("c"), done("b")),
        "begin a c e b d",
    ),
    Construct(
        "several outgoing flows of a start event",
        "start begin\nuser b\nuser c\nend d\nend e\nbegin > b > d\nbegin > c > e",
        (waiting("b c"), done("b"), done("c")),
        "begin b d c e",
    ),
    Construct(
        "conditional flows out of a task, all that are true",
        "start begin\nuser a\nuser b\nuser c\nuser f\nend d\nend e\nend g\nbegin > a\n"
        "a > b : x > 1\na > c : x > 2\na > f : default\nb > d\nc > e\nf > g",
        (done("a", x=3), waiting("b c"), done("b"), done("c")),
        "begin a b d c e",
        {"x": 3},
    ),
    Construct(
        "default flow out of a task, when no condition is true",
        "start begin\nuser a\nuser b\nuser f\nend d\nend g\nbegin > a\n"
        "a > b : x > 1\na > f : default\nb > d\nf > g",
        (done("a", x=0), done("f")),
        "begin a f g",
        {"x": 0},
    ),
    Construct(
        "link events",
        f"start begin\nthrow x1 | {LINK}\ncatch x2 | {LINK}\nuser a\nend done\n"
        "begin > x1\nx2 > a > done",
        (done("a"),),
        "begin x1 x2 a done",
    ),
    Construct(
        "two throwing links to one catching link",
        f"start begin\nxor c\nthrow x1 | {LINK}\nthrow x2 | {LINK}\ncatch y | {LINK}\nend done\n"
        "begin > c\nc > x1 : yes\nc > x2 : default\ny > done",
        (),
        "begin c x2 y done",
        {},
        {"yes": False},
    ),
    Construct(
        "element ids `start` and `end` in small letters",
        "start start\nuser a\nend end\nstart>a>end",
        (done("a"),),
        "start a end",
    ),
)

EXCLUSIVE = (
    Construct(
        "exclusive gateway: first true condition",
        "start begin\nxor c\nuser a\nuser b\nend done\nend other\nbegin > c\nc > a : x > 1\n"
        "c > b : x > 0\nc > other : default\na > done\nb > done",
        (done("a"),),
        "begin c a done",
        {},
        {"x": 5},
    ),
    Construct(
        "exclusive gateway: default flow",
        "start begin\nxor c\nuser a\nend done\nend other\nbegin > c\nc > a : x > 1\n"
        "c > other : default\na > done",
        (),
        "begin c other",
        {},
        {"x": 1},
    ),
    Construct(
        "condition written for Java: ${…} with && and ==",
        "start begin\nxor c\nend done\nend other\nbegin > c\nc > done : ${x == 5 && yes}\n"
        "c > other : default",
        (),
        "begin c done",
        {},
        {"x": 5, "yes": True},
    ),
    Construct(
        "exclusive merge, passed once by each token",
        "start begin\nxor c\nuser a\nuser b\nxor m\nuser z\nend done\nbegin > c\nc > a : yes\n"
        "c > b : default\na > m > z > done\nb > m",
        (done("b"), done("z")),
        "begin c b m z done",
        {},
        {"yes": False},
    ),
    Construct(
        "nested loops with exclusive gateways",
        "start begin\nxor o\nxor i\nuser a\nxor c\nxor q\nend done\nbegin > o > i > a > c\n"
        "c > i : x < 2\nc > q : default\nq > o : again\nq > done : default",
        (done("a", x=1), done("a", x=2, again=True), done("a", x=1), done("a", x=2, again=False)),
        "begin o i a c i a c q o i a c i a c q done",
        {"x": 2, "again": False},
    ),
    Construct(
        "exclusive gateway without default, conditions maybe all false",
        "start begin\nxor c\nend done\nend other\nbegin > c\nc > done : x > 1\nc > other : x < 1",
        refused="no-default",
    ),
)

PARALLEL = (
    Construct(
        "parallel split and join, either order",
        "start begin\nand f\nuser a\nuser b\nand j\nuser z\nend done\n"
        "begin > f > a > j > z > done\nf > b > j",
        (done("b", y=2), waiting("a"), done("a", x=1), sees("z", x=1, y=2), done("z")),
        "begin f b a j z done",
        {"x": 1, "y": 2},
    ),
    Construct(
        "parallel block in a rework loop: both branches every round",
        "start begin\nxor m\nand f\nuser a\nuser b\nand j\nxor c\nend done\n"
        "begin > m > f > a > j > c\nf > b > j\nc > m : again\nc > done : default",
        (
            done("a", x=1),
            done("b", y=1, again=True),
            waiting("a b"),
            done("b", y=2),
            waiting("a"),
            done("a", x=2, again=False),
        ),
        "begin m f a b j c m f b a j c done",
        {"x": 2, "y": 2, "again": False},
    ),
    Construct(
        "rework inside one parallel branch",
        "start begin\nand f\nxor m\nuser a\nxor c\nuser b\nand j\nend done\n"
        "begin > f > m > a > c\nc > m : again\nc > j : default\nf > b > j > done",
        (done("a", again=True), done("b"), waiting("a"), done("a", again=False)),
        "begin f m a c m b a c j done",
        {"again": False},
    ),
    Construct(
        "gateway that joins and splits at once",
        "start begin\nand f\nuser a\nuser b\nand g\nuser c\nuser d\nand j\nend done\n"
        "begin > f > a > g > c > j > done\nf > b > g > d > j",
        (done("a"), waiting("b"), done("b"), waiting("c d"), done("d"), done("c")),
        "begin f a b g d c j done",
    ),
    Construct(
        "a variable changed differently in two branches, met at the join",
        "start begin\nand f\nuser a\nuser b\nand j\nend done\nbegin > f > a > j > done\nf > b > j",
        (done("a", x=1), done("b", x=2)),
        incident="data-conflict j",
        given={"x": 0},
    ),
    Construct(
        "the same change in two branches",
        "start begin\nand f\nuser a\nuser b\nand j\nend done\nbegin > f > a > j > done\nf > b > j",
        (done("a", x=1), done("b", x=1)),
        "begin f a b j done",
        {"x": 1},
        {"x": 0},
    ),
    Construct(
        "a variable declared last-wins, changed in two branches",
        "start begin\nand f\nuser a\nuser b\nand j\nend done\nbegin > f > a > j > done\nf > b > j",
        (done("b", x=2), done("a", x=1)),
        "begin f b a j done",
        {"x": 1},
        {"x": 0},
        attributes='assent:lastWins="x"',
    ),
    Construct(
        "way back from inside a parallel region to before its split",
        "start begin\nxor m\nand f\nuser a\nuser b\nxor c\nand j\nend done\n"
        "begin > m > f > a > c\nc > m : again\nc > j : default\nf > b > j > done",
        refused="runs-twice",
    ),
    Construct(
        "parallel join with a branch that may end elsewhere",
        "start begin\nand f\nxor c\nuser a\nand j\nend other\nend done\nbegin > f > c\n"
        "c > other : yes\nc > j : default\nf > a > j > done",
        refused="deadlock",
    ),
    Construct(
        "parallel split into an exclusive merge",
        "start begin\nand f\nuser a\nuser b\nxor m\nuser z\nend done\nbegin > f > a > m\n"
        "f > b > m > z > done",
        refused="runs-twice",
    ),
    Construct(
        "parallel split into one task without a join",
        "start begin\nand f\nuser a\nuser b\nuser z\nend done\nbegin > f > a > z > done\nf > b > z",
        refused="runs-twice",
    ),
    Construct(
        "condition on a flow out of a parallel gateway",
        "start begin\nand f\nend done\nend other\nbegin > f > done\nf > other : yes",
        refused="condition-ignored",
    ),
)

INCLUSIVE = (
    Construct(
        "inclusive split and join: exactly the branches opened",
        "start begin\nor f\nuser a\nuser b\nuser c\nor j\nuser z\nend done\nbegin > f\n"
        "f > a : x > 0\nf > b : x > 1\nf > c : default\na > j > z > done\nb > j\nc > j",
        (waiting("a b"), done("b"), waiting("a"), done("a"), done("z")),
        "begin f b a j z done",
        {},
        {"x": 2},
    ),
    Construct(
        "inclusive default flow",
        "start begin\nor f\nuser a\nuser c\nor j\nend done\nbegin > f\n"
        "f > a : x > 0\nf > c : default\na > j > done\nc > j",
        (done("c"),),
        "begin f c j done",
        {},
        {"x": 0},
    ),
    Construct(
        "inclusive join with an exclusive merge in a branch",
        "start begin\nor f\nxor c\nuser a\nuser b\nuser d\nxor m\nor j\nuser z\nend done\n"
        "begin > f\nf > c : true\nf > b : yes\nf > j : default\nc > a : yes\nc > d : default\n"
        "a > m > j > z > done\nd > m\nb > j",
        (waiting("a b"), done("b"), waiting("a"), done("a"), done("z")),
        "begin f c b a m j z done",
        {},
        {"yes": True},
    ),
    Construct(
        "inclusive block in a loop",
        "start begin\nxor m\nor f\nuser a\nuser b\nor j\nxor c\nend done\nbegin > m > f\n"
        "f > a : true\nf > b : yes\nf > j : default\na > j\nb > j > c\nc > m : again\n"
        "c > done : default",
        (
            done("a"),
            waiting("b"),
            done("b", again=True, yes=False),
            waiting("a"),
            done("a", again=False),
        ),
        "begin m f a b j c m f a j c done",
        {"again": False, "yes": False},
        {"yes": True},
    ),
    Construct(
        "conditional flows of a task met by an inclusive join",
        "start begin\nuser t\nuser a\nuser b\nor j\nend done\nbegin > t\nt > a : x > 0\n"
        "t > b : x > 1\nt > j : default\na > j > done\nb > j",
        (done("t", x=2), done("a"), waiting("b"), done("b")),
        "begin t a b j done",
        {"x": 2},
    ),
    Construct(
        "complex gateway",
        "start begin\ncomplex g\nuser a\nend done\nbegin > g > a > done",
        refused="unsupported",
    ),
)
