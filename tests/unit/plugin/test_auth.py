import pytest

from packistry.plugin import Redirect


def test_people_are_sent_to_https_addresses() -> None:
    assert Redirect(url="https://login.example/authorize?x=1").memo == {}


@pytest.mark.parametrize(
    "url", ["http://login.example/", "javascript:alert(1)", "//login.example", "https:///x", ""]
)
def test_people_are_sent_nowhere_else(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Redirect(url=url)
