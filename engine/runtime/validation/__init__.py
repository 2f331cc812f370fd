"""The publish check: a diagram runs as BPMN says, or is refused with element, line and way out."""
