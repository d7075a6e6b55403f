"""The shops of each server, shared by all cases of a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops import embedded
from tests.hazards.copies import Copies


@pytest.fixture(scope="session")
def shops(server: embedded.Server) -> Iterator[Copies]:
    copies = Copies(server)
    yield copies
    copies.close()


@pytest.fixture(scope="session")
def shops16(server16: embedded.Server) -> Iterator[Copies]:
    copies = Copies(server16)
    yield copies
    copies.close()


@pytest.fixture(scope="session")
def system_shops(system_server: embedded.Server) -> Iterator[Copies]:
    copies = Copies(system_server)
    yield copies
    copies.close()
