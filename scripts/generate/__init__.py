"""From specs/*.yaml to generated/paygrant_clients: `python -m scripts.generate`, which `make generate` calls.

The pipeline itself is `paygrant.generate`, which users have as well. Here stands what is this repository's own: what
all its providers share (`description`), and that files are compared one by one, and written only where they differ.
Whether the specs are normalized is for scripts.lint_specs to say; here it is taken for granted.
"""
