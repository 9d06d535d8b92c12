"""OpenID Connect as a way to sign in, at any place that speaks it and at five that are common."""

from collections.abc import Sequence
from typing import Any

from packistry.plugin import AuthBackend, hookimpl
from packistry_oidc.entra import Entra
from packistry_oidc.generic import Generic
from packistry_oidc.google import Google
from packistry_oidc.hosted import Authentik, Keycloak, Okta

__all__ = ["Authentik", "Entra", "Generic", "Google", "Keycloak", "Okta"]


@hookimpl
def packistry_auth_backends() -> Sequence[type[AuthBackend[Any]]]:
    """Places with OpenID Connect."""
    return (Generic, Keycloak, Entra, Google, Okta, Authentik)
