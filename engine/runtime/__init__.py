"""The only room that touches SpiffWorkflow and XML: it parses, checks and advances diagrams."""
