"""Tests: the commands for people."""
