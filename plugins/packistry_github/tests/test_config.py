import pytest

from packistry.plugin import ConfigError, load_config
from packistry_github.config import GitHubConfig

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("typed", "web", "api"),
    [
        ("", "https://github.com", "https://api.github.com"),
        ("https://GitHub.com/", "https://github.com", "https://api.github.com"),
        ("https://www.github.com", "https://github.com", "https://api.github.com"),
        ("https://api.github.com", "https://github.com", "https://api.github.com"),
        ("https://git.acme.example", "https://git.acme.example", "https://git.acme.example/api/v3"),
        (
            "https://git.acme.example/api/v3/",
            "https://git.acme.example",
            "https://git.acme.example/api/v3",
        ),
        (
            "https://acme.example/code",
            "https://acme.example/code",
            "https://acme.example/code/api/v3",
        ),
        ("http://10.0.0.5:8443", "http://10.0.0.5:8443", "http://10.0.0.5:8443/api/v3"),
        ("https://acme.ghe.com", "https://acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://api.acme.ghe.com/", "https://acme.ghe.com", "https://api.acme.ghe.com"),
    ],
)
def test_the_api_is_found_from_what_people_type(typed, web, api):
    config = load_config(GitHubConfig, {"url": typed})
    assert (config.url, config.api_url) == (web, api)


@pytest.mark.parametrize(
    "typed",
    [
        "github.com",
        "ssh://git@github.com",
        "https://github.com/acme",
        "https://ada:s3cret@git.example",
        "https://",
        "https://host:port",
    ],
)
def test_what_is_no_address_is_told_at_its_field(typed):
    with pytest.raises(ConfigError) as caught:
        load_config(GitHubConfig, {"url": typed})
    assert list(caught.value.fields) == ["url"]
    assert "s3cret" not in str(caught.value)


def test_a_token_may_end_with_the_line_end_of_its_file():
    config = load_config(GitHubConfig, {"token": "ghp_0123456789\n"})
    assert config.token.get_secret_value() == "ghp_0123456789"


@pytest.mark.parametrize(
    "values",
    [
        {"token": "two words"},
        {"token": "ünïcode"},
        {"app_id": "1"},
        {"app_key": PEM},
        {"app_id": "1", "app_key": "MIIE"},
        {"app_id": "1/../2", "app_key": PEM},
        {"app_id": "1", "app_key": PEM, "token": "ghp_0123456789"},
        {"installation_id": "1", "token": "ghp_0123456789"},
    ],
)
def test_credentials_that_cannot_be_are_refused(values):
    with pytest.raises(ConfigError):
        load_config(GitHubConfig, values)
