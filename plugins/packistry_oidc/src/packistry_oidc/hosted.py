"""Providers whose issuer follows from the address they are at and a word or two."""

from urllib.parse import quote

from pydantic import Field, field_validator

from packistry.plugin import ORIGIN, OAuth2Config, OpenIDBackend
from packistry_oidc.icons import letter


class HostedConfig(OAuth2Config):
    """A provider at an address of its own."""

    url: str = Field(title="Address", json_schema_extra=ORIGIN)

    @field_validator("url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.strip().rstrip("/")


class KeycloakConfig(HostedConfig):
    """A realm of a Keycloak."""

    url: str = Field(
        title="Keycloak URL",
        description="For example https://id.example.org; of a Keycloak before version 17, with "
        "/auth at the end.",
        json_schema_extra=ORIGIN,
    )
    realm: str = Field(
        title="Realm",
        description="Its name as in the address of the account console: .../realms/NAME/account.",
        json_schema_extra=ORIGIN,
    )


class Keycloak(OpenIDBackend[KeycloakConfig]):
    """Keycloak, and Red Hat's build of it."""

    name = "keycloak"
    title = "Keycloak"
    icon = letter("K", "#33658a")
    instructions = (
        "In the admin console choose the realm, then Clients, Create client, type OpenID Connect.",
        "Give it a client ID, such as packistry; on the next page switch Client authentication on "
        "and leave Standard flow on.",
        "Enter {callback_url} under Valid redirect URIs, and save.",
        "Copy the client secret from the tab Credentials.",
        "To map groups: open Client scopes, packistry-dedicated, Add mapper, Group Membership, "
        "with the token claim name groups and Full group path off.",
    )
    Config = KeycloakConfig

    def issuer(self) -> str:
        return f"{self.config.url}/realms/{quote(self.config.realm.strip())}"


class OktaConfig(HostedConfig):
    """An Okta organisation."""

    url: str = Field(
        title="Okta domain",
        description="For example https://acme.okta.com, without -admin.",
        json_schema_extra=ORIGIN,
    )
    authorization_server: str = Field(
        "",
        title="Authorization server",
        description="Empty for that of the organisation; default, or another id, for a custom "
        "one, which has issuers, keys and claims of its own.",
        json_schema_extra=ORIGIN,
    )


class Okta(OpenIDBackend[OktaConfig]):
    """Okta, with the organisation's or a custom authorization server."""

    name = "okta"
    title = "Okta"
    icon = letter("O", "#1d4ed8")
    instructions = (
        "In the Okta admin console choose Applications, Create App Integration, OIDC, Web "
        "Application.",
        "Enter {callback_url} under Sign-in redirect URIs, and assign the people who may sign in.",
        "Copy the client ID and the client secret.",
        "To map groups: in the application's tab Sign On, set the groups claim filter to groups, "
        "Matches regex, .*",
    )
    Config = OktaConfig

    def issuer(self) -> str:
        server = self.config.authorization_server.strip()
        return f"{self.config.url}/oauth2/{quote(server)}" if server else self.config.url

    def scopes(self) -> str:
        # A custom authorization server refuses a scope it was not given.
        return self.scope if self.config.authorization_server.strip() else f"{self.scope} groups"


class AuthentikConfig(HostedConfig):
    """An application of an Authentik."""

    url: str = Field(
        title="Authentik URL",
        description="For example https://id.example.org",
        json_schema_extra=ORIGIN,
    )
    application: str = Field(
        title="Application slug",
        description="The last part of the provider's OpenID configuration issuer: "
        ".../application/o/SLUG/",
        json_schema_extra=ORIGIN,
    )


class Authentik(OpenIDBackend[AuthentikConfig]):
    """Authentik, whose issuers end in a slash."""

    name = "authentik"
    title = "Authentik"
    icon = letter("A", "#c2410c")
    instructions = (
        "In the admin interface choose Applications, Create with provider, OAuth2/OpenID.",
        "Leave the client type at Confidential and enter {callback_url} as a strict redirect URI.",
        "Copy the client ID, the client secret and the slug of the application.",
        "Groups come with the scope profile, as the claim groups.",
    )
    Config = AuthentikConfig

    def issuer(self) -> str:
        return f"{self.config.url}/application/o/{quote(self.config.application.strip())}/"
