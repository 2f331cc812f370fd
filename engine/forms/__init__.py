"""Forms of user tasks: a form-js subset, read, checked, given as JSON Schema."""

from engine.forms.contract import json_schema
from engine.forms.model import Form, FormField, Option
from engine.forms.reading import read_form
from engine.forms.values import coerce, validate_json

__all__ = ["Form", "FormField", "Option", "coerce", "json_schema", "read_form", "validate_json"]
