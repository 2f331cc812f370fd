"""Tests: the JSON API on a real SQLite database."""
