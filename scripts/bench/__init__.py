"""Benchmarks: `python -m scripts.bench`, which `make bench` calls.

Two levels. `costs` measures paygrant against bare httpx and the clock, with targets. `scenarios` puts it beside its peers
on loopback: herds, short lives, revocations, outages. Their rounds take turns, library by library, so that a machine that
others use as well is slow for all of them alike; the result is the median. `report` and `picture` write down what came
of it. Whether the behaviour is right is for the tests to say.
"""
