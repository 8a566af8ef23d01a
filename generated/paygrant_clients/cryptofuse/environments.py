# Written by `paygrant generate`; do not edit.
"""The environments that openapi.json in this folder names."""
