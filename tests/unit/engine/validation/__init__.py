"""The publish check."""
