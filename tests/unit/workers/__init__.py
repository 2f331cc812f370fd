"""Tests of the pure rules and handlers of the workers."""
