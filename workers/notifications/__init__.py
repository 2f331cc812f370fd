"""Telling people what concerns them."""
