import pytest
from joserfc.jwk import RSAKey

from packistry.plugin import CredentialsError
from packistry_github.app import App
from packistry_github.provider import GitHub
from plugins.packistry_github.tests.conftest import provider
from plugins.packistry_github.tests.host import GitHubHost

KEY = RSAKey.generate_key(2048)
PEM = KEY.as_pem(private=True).decode()


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(App, "_made", {})


@pytest.fixture
def app(host: GitHubHost) -> GitHub:
    host.app = ("Iv23liAcme", KEY)
    return provider(host, app_id="Iv23liAcme", app_key=PEM, installation_id="42")


def made(host: GitHubHost) -> int:
    return sum("access_tokens" in request.url for request in host.requests)


def test_the_installations_repositories_are_listed_and_cloned_with_its_token(app, host):
    assert [project.path for project in app.projects()] == ["acme/lib"]
    remote = app.remote(app.project("acme/lib"))
    assert (remote.username, remote.password) == ("x-access-token", host.token)
    assert host.token.startswith("ghs_")
    assert app.check() == ()


def test_a_token_is_used_by_all_sources_until_shortly_before_it_expires(app, host):
    app.project("7")
    provider(host, app_id="Iv23liAcme", app_key=PEM, installation_id="42").project("7")
    assert made(host) == 1


def test_a_token_that_hardly_lasts_is_not_used_again(app, host):
    host.token_seconds = 300
    app.project("7")
    app.project("7")
    assert made(host) == 2


def test_a_token_that_was_revoked_is_made_anew(app, host):
    app.project("7")
    host.token = "ghs_revoked"
    assert app.project("7").path == "acme/lib"


def test_the_only_installation_need_not_be_named(host):
    host.app = ("Iv23liAcme", KEY)
    app = provider(host, app_id="Iv23liAcme", app_key=PEM)
    assert app.project("7").path == "acme/lib"


def test_of_several_installations_one_must_be_named(host):
    host.app = ("Iv23liAcme", KEY)
    host.installations = [{"id": 42}, {"id": 43}]
    app = provider(host, app_id="Iv23liAcme", app_key=PEM)
    with pytest.raises(CredentialsError, match="42, 43"):
        app.check()


def test_an_app_that_is_not_installed_there_is_told_so(app, host):
    host.installations = [{"id": 43}]
    with pytest.raises(CredentialsError, match="no installation 42"):
        app.check()


def test_another_apps_key_is_told_so(app, host):
    host.app = ("Iv23liAcme", RSAKey.generate_key(2048))
    with pytest.raises(CredentialsError, match="private key is one of its keys"):
        app.check()


def test_a_damaged_key_is_told_so(host):
    damaged = PEM.replace(PEM[100:400], "")
    app = provider(host, app_id="Iv23liAcme", app_key=damaged, installation_id="42")
    with pytest.raises(CredentialsError, match="cannot be read"):
        app.check()


@pytest.mark.parametrize("permission", ["contents", "repository_hooks"])
def test_a_missing_permission_is_named(app, host, permission):
    del host.permissions[permission]
    if permission == "contents":
        with pytest.raises(CredentialsError, match="Contents: read"):
            app.check()
    else:
        (note,) = app.check()
        assert "Webhooks: read and write" in note


def test_a_pasted_installation_token_is_known_for_what_it_is(host):
    host.token = "ghs_pasted"
    github = provider(host, token="ghs_pasted")
    (note,) = github.check()
    assert "within the hour" in note
    assert [project.path for project in github.projects()] == ["acme/lib"]
