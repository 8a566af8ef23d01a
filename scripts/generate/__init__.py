"""Generates generated/paygrant_clients from specs/*.yaml: `python -m scripts.generate`, which `make generate` calls.

The pipeline itself is `paygrant.generate`, which users have as well. This package adds what only this repository needs:
the package around all clients, and a comparison of files. A file is written only if it differs.
The specs must be normalized, which scripts.lint_specs checks.
"""
