"""From specs/*.yaml to generated/paygrant_clients: `python -m scripts.generate`, which `make generate` calls.

`__main__` says the order of the steps. Whether a spec is normalized is for scripts.lint_specs to say; here it is taken
for granted.
"""
