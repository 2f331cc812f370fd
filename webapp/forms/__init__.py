"""Forms of user tasks: a form-js subset, read, checked, given as JSON Schema."""

from webapp.forms.contract import json_schema
from webapp.forms.model import Form, FormField, Option
from webapp.forms.reading import read_form
from webapp.forms.values import coerce, validate_json

__all__ = ["Form", "FormField", "Option", "coerce", "json_schema", "read_form", "validate_json"]
