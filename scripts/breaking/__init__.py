"""What a change of the specs, or of the code, does to users: `python -m scripts.breaking BASE`, for `make breaking`.

`endpoints` compares what the specs say, `python_api` the names and signatures; `change` is what both report.
"""
