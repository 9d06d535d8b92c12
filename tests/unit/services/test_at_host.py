import pytest

from packistry.plugin import Config
from packistry.services.at_host import credentials_page
from tests.faulty import Faulty

pytestmark = pytest.mark.any_database


class Place(Config):
    url: str


class Host(Faulty):
    Config = Place  # type: ignore[assignment]
    credentials_url = "{url}/tokens"


def test_the_page_of_tokens_is_below_the_address_of_the_host():
    assert credentials_page(Host, {"url": "https://h.example/x/"}) == "https://h.example/x/tokens"


@pytest.mark.parametrize("url", ["", "http://[::1", "javascript:alert(1)", "h.example"])
def test_an_address_that_is_none_has_no_page(url):
    assert credentials_page(Host, {"url": url}) == ""
