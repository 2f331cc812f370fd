"""Says names that programs use the way people write them: `raise_rfcs` is “Raise RFCs”."""

from __future__ import annotations

ABBREVIATIONS = {
    "cab": "CAB", "ci": "CI", "cis": "CIs", "dba": "DBA", "dml": "DML", "id": "ID", "pmo": "PMO",
    "rfc": "RFC", "rfcs": "RFCs", "sbom": "SBOM", "sha256": "SHA-256", "url": "URL",
}  # fmt: skip
#: Names whose words alone do not say it.
PHRASES = {"go_no_go": "go / no go"}


def say_name(name: str) -> str:
    """Say a name within a sentence: words apart, abbreviations in capitals."""
    words = PHRASES.get(name, name).replace("_", " ").split(" ")
    return " ".join(ABBREVIATIONS.get(word, word) for word in words)


def say_heading(name: str) -> str:
    """Say a name as a heading: as within a sentence, with a capital at the beginning."""
    said = say_name(name)
    return said[:1].upper() + said[1:]
