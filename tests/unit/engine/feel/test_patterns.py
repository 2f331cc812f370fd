"""Patterns follow XPath, and no pattern backtracks without end."""

from __future__ import annotations

import pytest

from engine.feel import FeelLimit, evaluate, write_literal

CASES = [
    ("foobar", "^fo*b", "", "true"),
    ("foobar", "^Fo*b", "i", "true"),
    ("foobar", "oba$", "", "false"),
    ("a\nb", "a.b", "", "false"),
    ("a\nb", "a.b", "s", "true"),
    ("a\nb", "^b$", "m", "true"),
    ("helloworld", "hello world", "x", "true"),
    ("a+b", "a+b", "q", "true"),
    ("abcabc", r"(abc)\1", "", "true"),
    ("abcabd", r"^(abc)\1$", "", "false"),
    ("x9", r"\p{L}\d", "", "true"),
    ("x9", r"\p{Lu}", "", "false"),
    ("α", r"\p{IsGreek}", "", "true"),
    ("e", "[a-z-[aeiou]]", "", "false"),
    ("f", "[a-z-[aeiou]]", "", "true"),
    ("a-b", r"^[\w\-]+$", "", "true"),
    ("aaa", "^a{2}$", "", "false"),
    ("aaa", "^a{2,}$", "", "true"),
    ("", "^$", "", "true"),
    ("a", "(", "", "null"),
    ("a", "a{2,1}", "", "null"),
    ("a", "a", "k", "null"),
    ("a", "(?=a)", "", "null"),
    ("a", r"\p{Foo}", "", "null"),
    ("a", r"\q", "", "null"),
    ("abab", "^(ab|a)*$", "", "true"),
    ("aab", "^(a*)*b$", "", "true"),
]


@pytest.mark.parametrize(("text", "pattern", "flags", "expected"), CASES)
def test_a_pattern_matches_as_xpath_says(
    text: str, pattern: str, flags: str, expected: str
) -> None:
    # when a text is matched
    data = {"text": text, "pattern": pattern, "flags": flags}
    value = evaluate("matches(text, pattern, flags)", data)

    # then the answer is that of XPath
    assert write_literal(value) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ('replace("abracadabra", "bra", "*")', '"a*cada*"'),
        ('replace("abracadabra", "a(.)", "a$1$1")', '"abbraccaddabbra"'),
        ('replace("abracadabra", "a.*?a", "*")', '"*c*bra"'),
        ('replace("a.b", ".", "x", "q")', '"axb"'),
        ('replace("ab", "(a)|b", "[$1]")', '"[a][]"'),
        ('replace("abc", "x*", "-")', "null"),
        ('replace("abc", "b", "$")', "null"),
        ('replace("abc", "b", "\\\\$")', '"a$c"'),
        ('split("a;b;;c", ";")', '["a", "b", "", "c"]'),
    ],
)
def test_replace_and_split_follow_xpath(call: str, expected: str) -> None:
    # when it is called
    value = evaluate(call, {})

    # then it gives what XPath says
    assert write_literal(value) == expected


def match_or_refuse(data: dict[str, str]) -> bool | str:
    """Return the answer, or the code of the refusal."""
    try:
        return bool(evaluate("matches(text, pattern)", data))
    except FeelLimit as limit:
        return limit.code


@pytest.mark.parametrize(
    "pattern",
    ["(a*)*b", "(a|aa)+$b", "a*a*a*a*a*b", r"(a+)\1+b", "(a|a|a)*c", "(.*)(.*)(.*)x"],
)
def test_a_hostile_pattern_ends_with_an_answer_or_the_step_limit(pattern: str) -> None:
    # given a text on which the pattern explodes elsewhere
    data = {"text": "a" * 3000, "pattern": pattern}

    # when it is matched
    answer = match_or_refuse(data)

    # then it ends with the right answer, or is refused for its cost
    assert answer in (False, "feel-limit")


def test_a_pattern_that_grows_too_large_is_refused() -> None:
    # when a pattern repeats repetitions
    with pytest.raises(FeelLimit):
        evaluate('matches("a", "((a{30}){30}){30}")', {})
