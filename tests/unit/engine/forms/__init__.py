"""Tests of reading, checking and describing forms."""
