"""A simulated day of many processes, shorter than the one that ``python -m scripts.simulate_fleet`` prints."""

from scripts.simulate_fleet import busiest_minute, requests_a_lifetime, simulate


def test_processes_that_share_a_store_make_hardly_more_requests_than_one() -> None:
    day = simulate(sharing=True, processes=200)
    assert 1.2 < requests_a_lifetime(day) <= 1.3
    assert day.slow_calls == 0


def test_processes_without_a_shared_store_renew_at_different_times() -> None:
    hours = 8.0
    day = simulate(sharing=False, hours=hours)
    assert len(day.requests) > 8000
    assert busiest_minute(day, hours) <= 3
    assert day.slow_calls == 0
