import pytest

from tests.unit.plugin.issuer import FakeIssuer


@pytest.fixture
def issuer() -> FakeIssuer:
    return FakeIssuer()
