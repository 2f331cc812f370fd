"""Tests: tables and queries."""
