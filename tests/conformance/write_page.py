"""Plays every row and writes docs/conformance.md: python -m tests.conformance.write_page."""

from __future__ import annotations

import sys

from tests.conformance.page import MATERIAL, PAGE, all_constructs, write_page
from tests.conformance.play import codes_of, play


def main() -> None:
    """Play all rows, then write the page; raises `AssertionError` for the first that differs."""
    for construct in all_constructs():
        codes = codes_of(construct)
        assert codes == construct.refused, f"{construct.name}: {codes or 'accepted'}"
        if not construct.refused:
            play(construct, restored=False)
            play(construct, restored=True)
    for name, (folder, _) in MATERIAL.items():
        if not folder.is_dir():
            sys.stderr.write(f"{folder} IS ABSENT: the figures of {name} are kept as they were.\n")
    former = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(write_page(former), encoding="utf-8")


if __name__ == "__main__":
    main()
