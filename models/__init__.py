"""The tables Assent keeps: what was proposed, decided, scheduled, stored and recorded."""
