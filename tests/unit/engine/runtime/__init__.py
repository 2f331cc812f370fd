"""Unit tests of the runtime that advances diagrams."""
