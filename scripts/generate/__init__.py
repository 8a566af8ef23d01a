"""Generates generated/paygrant_clients from specs/*.yaml: `python -m scripts.generate`, which `make generate` calls.

The pipeline itself is `paygrant.generate`, which users have as well. This package adds what only this repository needs:
the package around all clients, and files that are compared one by one and written only where they differ.
The specs must be normalized, which scripts.lint_specs checks.
"""
