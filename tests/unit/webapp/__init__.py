"""Tests of the pure parts of the web room."""
