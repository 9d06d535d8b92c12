from collections.abc import Mapping
from typing import Any

from pydantic import Field

from packistry.plugin import OAuth2Config, OpenIDBackend, SignInRefused
from packistry_oidc.icons import letter


class GoogleConfig(OAuth2Config):
    """A client of Google Cloud."""

    hosted_domain: str = Field(
        "",
        title="Workspace domain",
        description="Lets in only members of this Google Workspace, for example example.org. "
        "Empty: anybody with a Google account, as far as the allowed domains let them.",
    )


class Google(OpenIDBackend[GoogleConfig]):
    """Google accounts and Google Workspace."""

    name = "google"
    title = "Google"
    icon = letter("G", "#15803d")
    instructions = (
        "In the Google Cloud console choose APIs & Services, Credentials, Create credentials, "
        "OAuth client ID, Web application.",
        "Enter {callback_url} under Authorized redirect URIs.",
        "Copy the client ID and the client secret. Google tells no groups.",
    )
    Config = GoogleConfig

    def issuer(self) -> str:
        return "https://accounts.google.com"

    def parameters(self) -> Mapping[str, str]:
        # Only a hint, which anybody may leave out; `accept` decides.
        domain = self._domain()
        return {"prompt": "select_account", **({"hd": domain} if domain else {})}

    def accept(self, claims: Mapping[str, Any]) -> None:
        domain = self._domain()
        if domain and str(claims.get("hd", "")).casefold() != domain:
            raise SignInRefused(f"This Google account does not belong to {domain}.")

    def _domain(self) -> str:
        return self.config.hosted_domain.strip().casefold()
