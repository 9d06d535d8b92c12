from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from packistry.plugin import (
    AuthBackend,
    ConfigError,
    Identity,
    SignInRefused,
    form_fields,
    load_config,
)
from packistry.testing import CALLBACK_URL, sign_in
from packistry_oidc import Authentik, Entra, Google, Keycloak, Okta, packistry_auth_backends
from tests.unit.plugin.issuer import CLIENT_ID, CLIENT_SECRET, FakeIssuer

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
OTHER_TENANT = "11111111-2222-3333-4444-555555555555"
MICROSOFT = "https://login.microsoftonline.com"

ADDRESSES: list[tuple[Any, dict[str, Any], str]] = [
    (Keycloak, {"url": "https://id.x/", "realm": "my realm"}, "https://id.x/realms/my%20realm"),
    (Keycloak, {"url": "https://id.x/auth", "realm": "r"}, "https://id.x/auth/realms/r"),
    (Okta, {"url": "https://a.okta.com"}, "https://a.okta.com"),
    (
        Okta,
        {"url": "https://a.okta.com", "authorization_server": "default"},
        "https://a.okta.com/oauth2/default",
    ),
    (Authentik, {"url": "https://id.x", "application": "p"}, "https://id.x/application/o/p/"),
    (Google, {}, "https://accounts.google.com"),
    (Entra, {"tenant": TENANT.upper()}, f"{MICROSOFT}/{TENANT}/v2.0"),
]


def made(kind: Any, issuer: FakeIssuer, **config: Any) -> Any:
    values = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **config}
    return kind(load_config(kind.Config, values), issuer.client())


def signed_in(kind: Any, issuer: FakeIssuer, **config: Any) -> Identity:
    return sign_in(made(kind, issuer, **config), issuer.authorize)


@pytest.mark.parametrize(("kind", "config", "issuer"), ADDRESSES)
def test_people_sign_in_where_the_form_says(kind, config, issuer):
    place = FakeIssuer(issuer.removesuffix("/"))
    # The address of the discovery document has one slash, whatever the issuer ends with.
    place.metadata["issuer"] = issuer
    place.claims = {"iss": issuer, "tid": TENANT, "hd": "example.test"}
    backend = made(kind, place, **config)
    assert backend.check(CALLBACK_URL) is not None
    assert sign_in(backend, place.authorize).subject == "alice-1"


@pytest.mark.parametrize("kind", packistry_auth_backends(), ids=lambda kind: str(kind.name))
def test_every_form_explains_itself(kind: type[AuthBackend[Any]]) -> None:
    assert any("{callback_url}" in step for step in kind.instructions)
    assert kind.icon.startswith("<svg")
    for field in form_fields(kind.Config):
        known = field.name in ("client_id", "client_secret")
        assert known or field.help, field.name


@pytest.mark.parametrize("tenant", ["contoso.onmicrosoft.com", "", "../x", f"{TENANT}/"])
def test_an_entra_tenant_is_an_id(tenant):
    with pytest.raises(ConfigError, match="tenant"):
        made(Entra, FakeIssuer(), tenant=tenant)


def test_an_app_of_many_tenants_names_those_it_lets_in():
    with pytest.raises(ConfigError, match="name the tenants"):
        made(Entra, FakeIssuer(), tenant="organizations")


def entra_of_many(tenant: Any, **person: Any) -> tuple[FakeIssuer, dict[str, Any]]:
    issuer = FakeIssuer(f"{MICROSOFT}/organizations/v2.0")
    issuer.metadata["issuer"] = f"{MICROSOFT}/{{tenantid}}/v2.0"
    issuer.claims = {"iss": f"{MICROSOFT}/{tenant}/v2.0", "tid": tenant, **person}
    return issuer, {"tenant": "organizations", "allowed_tenants": TENANT}


def test_a_member_of_an_allowed_tenant_is_let_in():
    issuer, config = entra_of_many(TENANT)
    assert signed_in(Entra, issuer, **config).subject == "alice-1"


@pytest.mark.parametrize("tenant", [OTHER_TENANT, None, "{tenantid}"])
def test_a_member_of_another_tenant_is_not(tenant):
    issuer, config = entra_of_many(tenant)
    with pytest.raises(SignInRefused, match="tenant"):
        signed_in(Entra, issuer, **config)


def test_a_token_of_one_tenant_does_not_pass_for_another():
    issuer, config = entra_of_many(TENANT, iss=f"{MICROSOFT}/{OTHER_TENANT}/v2.0")
    with pytest.raises(SignInRefused):
        signed_in(Entra, issuer, **config)


@pytest.mark.parametrize(
    ("claims", "proven"),
    [
        ({"xms_edov": True}, True),
        ({"xms_edov": 1}, True),
        ({"xms_edov": "1"}, True),
        ({"xms_edov": False}, False),
        ({"xms_edov": "0"}, False),
        ({"email_verified": True}, False),
        ({}, False),
    ],
)
def test_an_entra_address_is_proven_by_its_domain_owner_alone(claims, proven):
    issuer = FakeIssuer(f"{MICROSOFT}/{TENANT}/v2.0")
    del issuer.person["email_verified"]
    issuer.claims = claims
    identity = signed_in(Entra, issuer, tenant=TENANT)
    assert (identity.email, identity.email_verified) == ("alice@example.test", proven)
    assert not any("userinfo" in request.url for request in issuer.requests)


def google(**person: Any) -> FakeIssuer:
    issuer = FakeIssuer("https://accounts.google.com")
    issuer.person.update(person)
    return issuer


def test_a_member_of_the_workspace_is_let_in():
    issuer = google(hd="Example.test")
    assert signed_in(Google, issuer, hosted_domain="example.TEST").email_verified


@pytest.mark.parametrize(
    "person", [{}, {"hd": "evil.test"}, {"hd": None}, {"hd": ["example.test"]}]
)
def test_anybody_else_is_not_whatever_their_address(person):
    with pytest.raises(SignInRefused, match=r"example\.test"):
        signed_in(Google, google(**person), hosted_domain="example.test")


def test_okta_is_asked_for_groups_where_it_knows_them():
    for config, expected in (({}, True), ({"authorization_server": "default"}, False)):
        issuer = FakeIssuer("https://a.okta.com" + ("/oauth2/default" if config else ""))
        url = made(Okta, issuer, url="https://a.okta.com", **config).begin(CALLBACK_URL).url
        assert ("groups" in parse_qs(urlsplit(url).query)["scope"][0]) is expected
