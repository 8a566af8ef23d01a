"""Benchmarks: `python -m scripts.bench`, which `make bench` calls.

There are three levels. `costs` compares paygrant with plain httpx and with the clock, and has targets. `many` compares
thousands of tokens with a client that is written by hand, and the first token with other libraries; it has targets, too.
`scenarios` compares paygrant with similar libraries on loopback: many callers at once, short lives, revocations, outages.

In each round, the libraries take turns. So other load on the machine slows all of them equally. The result is the median
of the rounds. `report` and `picture` write the results. The tests, not the benchmarks, check that the behaviour is right.
"""
