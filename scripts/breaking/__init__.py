"""Reports what changes of the specs and the code mean for users: `python -m scripts.breaking BASE`, for `make breaking`.

`endpoints` compares the descriptions in the specs, `python_api` names and signatures. `change` is what both report.
"""
