"""The auth backend `gitea`: Gitea and Forgejo are OpenID providers."""

from collections.abc import Mapping
from typing import Any

from packistry.plugin import ClientAuthentication, Fault, OpenIDBackend
from packistry_gitea.config import GiteaSignInConfig

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'
    '<rect width="24" height="24" rx="5" fill="#3f6212"/>'
    '<text x="12" y="17" font-family="sans-serif" font-size="14" font-weight="700" '
    'text-anchor="middle" fill="#fff">Gt</text></svg>'
)


class GiteaSignIn(OpenIDBackend[GiteaSignInConfig]):
    """Accounts at a Gitea or Forgejo.

    The claim `groups` holds somebody's organisations ("acme") and teams ("acme:php-devs").
    """

    name = "gitea"
    title = "Gitea or Forgejo"
    icon = _ICON
    # Without a scope of the API, a token may do all that its user may; and where scopes restrict
    # groups, organisations that somebody is not seen to be in are told with this one alone.
    scope = "openid profile email groups read:organization"
    # The ID token has it all. Userinfo has addresses, too, and does not say which are proven.
    asks_userinfo = False
    instructions = (
        "At the host, open Settings, Applications (of your account or of an organisation; for all "
        "of the host, Site administration, Integrations), and make a new OAuth2 application.",
        "Enter {callback_url} as its redirect URI, and leave Confidential client on.",
        "Copy its client ID and its client secret, which is shown once.",
    )
    Config = GiteaSignInConfig

    def issuer(self) -> str:
        return self.config.url

    def is_published_issuer(self, name: object) -> bool:
        # Gitea before 1.25 ends it with a slash; administrators who updated may have kept that.
        return name in self._issuers()

    def issuer_of(self, claims: Mapping[str, Any]) -> str:
        told = claims.get("iss")
        return told if isinstance(told, str) and told in self._issuers() else self.issuer()

    def client_authentication(self, metadata: Mapping[str, Any]) -> ClientAuthentication:
        # In a header, old versions do not decode a secret as RFC 6749 §2.3.1 has it encoded.
        return "client_secret_post"

    def fault(self, error: str, description: str) -> Fault:
        """All of these are an `unauthorized_client` here; only the words differ."""
        if error != "unauthorized_client":
            return super().fault(error, description)
        if "secret" in description:
            return "client"
        return "callback" if "redirect" in description.lower() else "code"

    def email_of(self, document: Mapping[str, Any]) -> tuple[str, bool, str]:
        """The host says of everybody who may sign in there that their address is verified."""
        email, verified, evidence = super().email_of(document)
        return email, verified and self.config.confirms_email, evidence

    def _issuers(self) -> tuple[str, str]:
        return self.config.url, f"{self.config.url}/"
