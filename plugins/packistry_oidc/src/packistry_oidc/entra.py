import re
from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from packistry.plugin import ORIGIN, OAuth2Config, OpenIDBackend, SignInRefused
from packistry_oidc.icons import letter

MANY = frozenset({"organizations", "common"})
_TENANT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


class EntraConfig(OAuth2Config):
    """An app registration of Entra ID."""

    tenant: str = Field(
        title="Directory (tenant) ID",
        description="From the overview of the app registration, "
        "like 72f988bf-86f1-41af-91ab-2d7cd011db47. For an app of several tenants: organizations.",
        json_schema_extra=ORIGIN,
    )
    allowed_tenants: tuple[str, ...] = Field(
        (),
        title="Allowed tenants",
        description="With organizations: the IDs of the tenants whose members may sign in, one a "
        "line.",
    )
    authority: str = Field(
        "https://login.microsoftonline.com",
        title="Authority",
        description="Another one in a national cloud only.",
        json_schema_extra=ORIGIN,
    )

    @field_validator("tenant")
    @classmethod
    def _known_tenant(cls, value: str) -> str:
        tenant = value.strip().lower()
        if tenant not in MANY and not _TENANT.match(tenant):
            raise ValueError("a tenant ID is 32 hex digits in five groups, not a domain name")
        return tenant

    @field_validator("allowed_tenants")
    @classmethod
    def _known_tenants(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        tenants = tuple(each.strip().lower() for each in value)
        if not all(_TENANT.match(each) for each in tenants):
            raise ValueError("a tenant ID is 32 hex digits in five groups, one a line")
        return tenants

    @field_validator("authority")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.strip().rstrip("/")

    @model_validator(mode="after")
    def _somebody_is_allowed(self) -> Self:
        if self.tenant in MANY and not self.allowed_tenants:
            raise ValueError("name the tenants whose members may sign in: anybody can make one")
        return self


class Entra(OpenIDBackend[EntraConfig]):
    """Microsoft Entra ID, formerly Azure Active Directory.

    It never says `email_verified`, and tenants may write any address into `email`: only with the
    optional claim `xms_edov`, that the domain's owner vouches for it, is an address proven.
    """

    name = "entra"
    title = "Microsoft Entra ID"
    icon = letter("M", "#0f766e")
    instructions = (
        "In the Entra admin center choose App registrations, New registration, and for supported "
        "accounts this organizational directory only.",
        "Enter {callback_url} as the redirect URI of the platform Web.",
        "Copy the application (client) ID and the directory (tenant) ID from the overview, and "
        "make a client secret under Certificates & secrets: its value, not its ID.",
        "Under Token configuration add the optional claims email and xms_edov to the ID token: "
        "without xms_edov no e-mail address counts as proven.",
        "To map roles: make app roles and assign them; they come as the claim roles. Groups come "
        "as IDs, and not at all to somebody in more than 200.",
    )
    Config = EntraConfig
    asks_userinfo = False

    def issuer(self) -> str:
        return self._issuer(self.config.tenant)

    def published_issuer(self) -> str:
        # That of several tenants has this literally, for the token's own to be put in.
        return self._issuer("{tenantid}" if self.config.tenant in MANY else self.config.tenant)

    def issuer_of(self, claims: Mapping[str, Any]) -> str:
        if self.config.tenant not in MANY:
            return self.issuer()
        tenant = claims.get("tid")
        if tenant not in self.config.allowed_tenants:
            raise SignInRefused("Your organization (tenant) may not sign in here.")
        return self._issuer(str(tenant))

    def email_of(self, document: Mapping[str, Any]) -> tuple[str, bool, str]:
        email = document.get("email")
        if not isinstance(email, str) or not email:
            return "", False, ""
        return email, document.get("xms_edov") in (True, 1, "1", "true"), "xms_edov"

    def _issuer(self, tenant: str) -> str:
        return f"{self.config.authority}/{tenant}/v2.0"
