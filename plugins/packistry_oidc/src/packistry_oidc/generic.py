from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from packistry.plugin import ORIGIN, ClientAuthentication, OAuth2Config, OpenIDBackend
from packistry_oidc.icons import KEY

DISCOVERY = "/.well-known/openid-configuration"
SCOPES = "openid email profile"


class GenericConfig(OAuth2Config):
    """Any place that has a discovery document."""

    issuer: str = Field(
        title="Issuer URL",
        description="The address of the provider, with everything before "
        "/.well-known/openid-configuration, for example https://id.example.org/realms/main. "
        "The address of the discovery document itself will do.",
        json_schema_extra=ORIGIN,
    )
    scopes: str = Field(
        SCOPES,
        title="Scopes",
        description="What to ask for, separated by spaces. Some providers tell groups only with "
        "the scope groups.",
    )
    client_authentication: Literal["automatic", "client_secret_basic", "client_secret_post"] = (
        Field(
            "automatic",
            title="Client authentication",
            description="How the client secret is sent: as the provider's discovery document "
            "prefers it, in a header (basic), or in the form (post).",
        )
    )

    @field_validator("issuer")
    @classmethod
    def _without_discovery(cls, value: str) -> str:
        return value.strip().removesuffix(DISCOVERY)

    @field_validator("scopes")
    @classmethod
    def _with_openid(cls, value: str) -> str:
        words = value.replace(",", " ").split()
        return " ".join(words if "openid" in words else ["openid", *words])


class Generic(OpenIDBackend[GenericConfig]):
    """Any OpenID provider."""

    name = "oidc"
    title = "OpenID Connect"
    icon = KEY
    instructions = (
        "At the provider, register a client (application) of the kind web or confidential, with "
        "the authorization code flow.",
        "Enter {callback_url} as its redirect URI.",
        "Copy the issuer, the client ID and the client secret into the form.",
    )
    Config = GenericConfig

    def issuer(self) -> str:
        return self.config.issuer

    def scopes(self) -> str:
        return self.config.scopes

    def client_authentication(self, metadata: Mapping[str, Any]) -> ClientAuthentication:
        if self.config.client_authentication == "automatic":
            return super().client_authentication(metadata)
        return self.config.client_authentication
