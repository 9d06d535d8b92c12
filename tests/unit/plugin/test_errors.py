import pickle

import pytest

from packistry import plugin
from packistry.errors import PackistryError
from packistry.plugin import PluginError, RateLimited

FAMILY = sorted(
    (
        kind
        for name in plugin.__all__
        if isinstance(kind := getattr(plugin, name), type) and issubclass(kind, Exception)
    ),
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", FAMILY)
def test_each_error_is_shown_as_it_stands(kind: type[PluginError]) -> None:
    error = kind("Do this instead.")
    assert isinstance(error, PackistryError)
    assert str(error) == "Do this instead."
    assert str(pickle.loads(pickle.dumps(error))) == "Do this instead."


def test_a_rate_limit_is_never_shorter_than_a_second() -> None:
    assert RateLimited("later", retry_after=-5).retry_after == 1
