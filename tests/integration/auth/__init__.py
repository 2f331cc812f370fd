"""Tests: signing in, sessions, tokens, forgery."""
