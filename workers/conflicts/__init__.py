"""Finding what a proposal or change clashes with, with the path that proves it."""
