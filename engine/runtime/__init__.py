"""The only room that touches SpiffWorkflow and XML: diagrams are parsed, checked and advanced here."""
