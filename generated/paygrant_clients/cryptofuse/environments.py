# Written by `paygrant generate`; do not edit.
"""The environments that openapi.json, beside this module, names."""
