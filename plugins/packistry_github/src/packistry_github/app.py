"""A GitHub App's installation: tokens of an hour, made with the App's private key."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from packistry.plugin import CredentialsError, HttpClient, NotFound, Unavailable
from packistry_github.config import HEADERS, GitHubConfig

# A token is not used in its last minutes, so that it does not expire during a clone.
_MARGIN = 600.0
# GitHub takes at most ten minutes, and its clock may be behind ours.
_BACK, _AHEAD = 60, 540


@dataclass(frozen=True, kw_only=True)
class InstallationToken:
    """What the installation may do, until the moment `expires` of the Unix clock."""

    value: str = field(repr=False)
    expires: float
    permissions: Mapping[str, str]


class App:
    """One installation of an App. Tokens are kept for all sources of this process that have it."""

    _made: ClassVar[dict[str, InstallationToken]] = {}

    def __init__(self, config: GitHubConfig, http: HttpClient) -> None:
        self._app_id = config.app_id
        self._key = config.app_key.get_secret_value()
        self._installation_id = config.installation_id
        self._base_url = config.api_url
        self._http = http
        told = (config.api_url, config.app_id, config.installation_id, self._key)
        self._name = hashlib.sha256("\n".join(told).encode()).hexdigest()

    def token(self) -> str:
        return self.current().value

    def current(self) -> InstallationToken:
        """The token, made if there is none that lasts. CredentialsError tells what is wrong."""
        found = self._made.get(self._name)
        if found is None or found.expires - time.time() < _MARGIN:
            # Two threads may both make one, which harms nobody: each works until it expires.
            found = self._made[self._name] = self._make()
        return found

    def forget(self) -> None:
        """Has the next token made anew."""
        self._made.pop(self._name, None)

    def _make(self) -> InstallationToken:
        proof = {"Authorization": f"Bearer {self._proof()}"}
        http = self._http.at(self._base_url, {**HEADERS, **proof})
        try:
            installation = self._installation_id or self._only_installation(http)
            made = http.post(f"/app/installations/{installation}/access_tokens").json()
        except NotFound as error:
            raise CredentialsError(
                f"The GitHub App {self._app_id} has no installation {self._installation_id}: "
                "install it, or enter the number at the end of the installation's address.",
                response=error.response,
            ) from error
        except CredentialsError as error:
            if error.response is None or error.response.status != 401:
                raise
            raise CredentialsError(
                f"GitHub does not accept the App: check its ID and that the private key is one of "
                f"its keys, and this machine's clock. {error}",
                response=error.response,
            ) from error
        return _read(made)

    def _only_installation(self, http: HttpClient) -> str:
        found = http.get("/app/installations").json()
        ids = [each.get("id") for each in found] if isinstance(found, list) else []
        if len(ids) != 1:
            told = ", ".join(map(str, ids[:10])) or "none"
            raise CredentialsError(
                f"Which installation of the GitHub App {self._app_id} is meant? It has {told}."
            )
        return str(ids[0])

    def _proof(self) -> str:
        """The signed word that we are the App, good for some minutes."""
        now = int(time.time())
        claims = {"iat": now - _BACK, "exp": now + _AHEAD, "iss": self._app_id}
        # Few sources are Apps, and every process loads this plugin.
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import RSAKey

        try:
            return jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(self._key))
        except (JoseError, ValueError) as error:
            raise CredentialsError(
                "The App's private key cannot be read: it must be the .pem file as GitHub made it."
            ) from error


def _read(made: Any) -> InstallationToken:
    if not (isinstance(made, dict) and isinstance(made.get("token"), str)):
        raise Unavailable("GitHub answered with something else than a token.")
    try:
        expires = datetime.fromisoformat(str(made.get("expires_at"))).timestamp()
    except ValueError:
        expires = time.time() + 3600
    permissions = made.get("permissions")
    return InstallationToken(
        value=made["token"],
        expires=expires,
        permissions=permissions if isinstance(permissions, dict) else {},
    )
