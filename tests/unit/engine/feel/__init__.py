"""Tests of the FEEL interpreter."""
