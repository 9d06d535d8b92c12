from collections.abc import Iterator

import pytest

from tests.openid.server import OpenIDProvider, running


@pytest.fixture(scope="session")
def openid_server() -> Iterator[OpenIDProvider]:
    with running() as provider:
        yield provider
