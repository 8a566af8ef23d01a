"""A second server beside the token endpoint."""

from collections.abc import Iterator

import pytest

from tests.helpers.servers import Server, serve


@pytest.fixture
def other() -> Iterator[Server]:
    """Another host, to which nothing may be sent."""
    with serve() as server:
        yield server
