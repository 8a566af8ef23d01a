"""A simulated day of a fleet, smaller than the one that ``python -m scripts.simulate_fleet`` prints."""

from scripts.simulate_fleet import busiest_minute, requests_a_lifetime, simulate


def test_a_fleet_that_shares_a_store_makes_hardly_more_requests_than_one_process() -> None:
    day = simulate(sharing=True, processes=200)
    assert 1.2 < requests_a_lifetime(day) <= 1.3
    assert day.slow_calls == 0


def test_a_fleet_that_shares_nothing_does_not_renew_in_step() -> None:
    hours = 8.0
    day = simulate(sharing=False, hours=hours)
    assert len(day.requests) > 8000
    assert busiest_minute(day, hours) <= 3
    assert day.slow_calls == 0
