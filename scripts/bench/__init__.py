"""Benchmarks: `python -m scripts.bench`, which `make bench` calls.

There are two levels. `costs` compares paygrant with plain httpx and with the clock, and has targets. `scenarios` compares
it with similar libraries on loopback: many callers at once, short lives, revocations, outages. In each round, the libraries
take turns. So other load on the machine slows all of them equally. The result is the median of the rounds. `report` and
`picture` write the results. The tests, not the benchmarks, check that the behaviour is right.
"""
