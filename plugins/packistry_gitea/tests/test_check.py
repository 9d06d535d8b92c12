import pytest

from packistry.plugin import ConfigError, CredentialsError, RateLimited, Unavailable, load_config
from packistry_gitea.config import GiteaConfig
from plugins.packistry_gitea.tests.conftest import provider


def test_a_token_that_may_do_all_gives_no_note(gitea, host):
    assert gitea.check() == ()
    host.scopes = {"all"}
    assert gitea.check() == ()
    host.tells_scopes = False
    assert gitea.check() == ()


def test_a_token_that_the_host_does_not_know_is_told_so(gitea, host):
    host.token = "another"
    with pytest.raises(CredentialsError, match="wrong or was deleted"):
        gitea.check()


def test_a_missing_scope_is_named(gitea, host):
    host.scopes = {"read:user"}
    with pytest.raises(CredentialsError, match="has not the scope read:repository"):
        gitea.check()


def test_newer_hosts_name_it_in_other_words(gitea, host):
    words = "token does not have at least one of required scope(s), required=[read:repository], "
    host.fail_next(403, json={"message": f"{words}token scope=read:user"})
    with pytest.raises(CredentialsError, match="has not the scope read:repository:"):
        gitea.project("7")


def test_a_token_that_cannot_make_webhooks_is_noted(gitea, host):
    host.scopes = {"read:user", "read:repository"}
    (note,) = gitea.check()
    assert "write:repository" in note


def test_a_token_that_sees_public_repositories_only_is_noted(gitea, host):
    host.scopes |= {"public-only"}
    (note,) = gitea.check()
    assert "public repositories only" in note


def test_a_user_who_administers_nothing_is_noted(gitea, host):
    host.repositories[7]["permissions"] = {"admin": False, "push": True, "pull": True}
    (note,) = gitea.check()
    assert "administrator of none" in note


def test_a_token_for_repositories_alone_is_enough(gitea, host):
    host.scopes = {"read:repository", "write:repository"}
    host.tells_scopes = False
    assert gitea.check() == ()


def test_a_token_without_repositories_is_noted(gitea, host):
    host.repositories.clear()
    assert gitea.check() == ("The token reaches no repository yet.",)


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (404, {"Content-Type": "text/html"}, b"<h1>Not Found</h1>"),
        (200, {"Content-Type": "text/html"}, b"<h1>Welcome</h1>"),
        (302, {"Location": "https://git.example/user/login"}, b""),
    ],
)
def test_an_address_that_is_no_gitea_is_told_at_its_field(gitea, host, status, headers, body):
    host.fail_next(status, headers=headers, body=body)
    with pytest.raises(ConfigError, match="Check the address") as caught:
        gitea.check()
    assert "url" in caught.value.fields


def test_a_host_that_is_out_of_order_is_not_called_wrong(gitea, host):
    host.fail_next(502, body=b"Bad Gateway")
    with pytest.raises(Unavailable):
        gitea.check()


@pytest.mark.parametrize("status", [429, 503])
def test_a_proxy_that_limits_says_when_to_come_back(gitea, host, status):
    host.fail_next(status, headers={"Retry-After": "30"}, body=b"slow down")
    with pytest.raises(RateLimited) as caught:
        gitea.project("7")
    assert caught.value.retry_after == 30


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", ""),
        ("url", "codeberg.org"),
        ("url", "ssh://git@codeberg.org"),
        ("url", "https://ada:s3cret@git.example"),
        ("token", ""),
        ("token", "two words"),
    ],
)
def test_what_cannot_be_is_told_at_its_field(name, value):
    values = {"url": "https://codeberg.org", "token": "0123456789", name: value}
    with pytest.raises(ConfigError) as caught:
        load_config(GiteaConfig, values)
    assert list(caught.value.fields) == [name]
    assert "s3cret" not in str(caught.value)


def test_plain_http_is_refused_before_the_token_is_sent(host):
    host.web = "http://git.example"
    with pytest.raises(ConfigError, match="http"):
        provider(host).check()
    assert host.requests == []
