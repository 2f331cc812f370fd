"""Turns plain values into markup: diagrams as SVG, forms as fields, small text as HTML."""
