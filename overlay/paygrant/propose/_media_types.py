"""Media types of request bodies."""

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
