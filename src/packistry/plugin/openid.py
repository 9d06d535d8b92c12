"""Signing in by OpenID Connect: OAuth 2.0, plus who it is, signed by the place.

What reads ID tokens, and the libraries under it, is loaded with the first backend that is made.
"""

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import urlencode

from packistry.plugin.auth import Identity, is_encrypted
from packistry.plugin.errors import (
    ConfigError,
    NotFound,
    PluginError,
    Rejected,
    SignInRefused,
    Unavailable,
)
from packistry.plugin.http import HttpClient
from packistry.plugin.oauth2 import (
    ClientAuthentication,
    Endpoints,
    O,
    OAuth2Backend,
    TokenAnswer,
)

_LIFETIME = 3600.0
_DEFAULT_ALGORITHMS = ("RS256",)

V = TypeVar("V")


class OpenIDBackend(OAuth2Backend[O]):
    """A place that speaks OpenID Connect. You say what its issuer is; the rest it says itself.

    Discovery and keys are kept for an hour. An ID token is believed when its signature is of one
    of the place's own asymmetric keys and issuer, audience, authorised party, times and nonce are
    right; what userinfo adds, when its subject is the same. E-mail address and `email_verified`
    come from one document.
    """

    scope = "openid email profile"

    asks_userinfo: ClassVar[bool] = True
    """Whether claims beyond those of the ID token are asked for at the userinfo endpoint."""

    def __init__(self, config: O, http: HttpClient) -> None:
        from packistry.plugin.id_tokens import KeyRing

        super().__init__(config, http)
        self._metadata = _Kept(self._discover)
        self._keys: KeyRing = KeyRing(self._fetch_keys, lifetime=_LIFETIME)

    @abstractmethod
    def issuer(self) -> str:
        """The issuer, byte for byte as the place writes it; discovery is below it."""

    def published_issuer(self) -> str:
        """What discovery must call itself: the issuer, unless the place has a template there."""
        return self.issuer()

    def is_published_issuer(self, name: object) -> bool:
        """Whether discovery may call itself so: byte for byte, unless versions of it differ."""
        return name == self.published_issuer()

    def issuer_of(self, claims: Mapping[str, Any]) -> str:
        """The issuer that a token with these claims must have. May raise SignInRefused."""
        return self.issuer()

    def client_authentication(self, metadata: Mapping[str, Any]) -> ClientAuthentication:
        """How we prove who we are: as the place prefers it, of the two ways we know."""
        offered = metadata.get("token_endpoint_auth_methods_supported")
        # OpenID Connect Discovery §3: basic is the default.
        if not isinstance(offered, list) or "client_secret_basic" in offered:
            return "client_secret_basic"
        return "client_secret_post"

    def accept(self, claims: Mapping[str, Any]) -> None:
        """Raises SignInRefused for a person of the place whom the configuration shuts out."""

    def email_of(self, document: Mapping[str, Any]) -> tuple[str, bool, str]:
        """(address, whether it is proven, how that is known) from one document; ("", False, "")."""
        email = document.get("email")
        if not isinstance(email, str) or not email:
            return "", False, ""
        verified = document.get("email_verified")
        # Some places write the boolean as text.
        return email, verified is True or verified == "true", "email_verified"

    def name_of(self, claims: Mapping[str, Any]) -> str:
        """What people call them; "" when nothing says it."""
        for claim in ("name", "preferred_username", "nickname"):
            if isinstance(claims.get(claim), str) and claims[claim]:
                return str(claims[claim])
        return ""

    def endpoints(self) -> Endpoints:
        metadata = self._metadata.get()
        return Endpoints(
            authorize=_address(metadata, "authorization_endpoint"),
            token=_address(metadata, "token_endpoint"),
            issuer=self.published_issuer() if self.published_issuer() == self.issuer() else "",
            sends_issuer=metadata.get("authorization_response_iss_parameter_supported") is True,
            client_authentication=self.client_authentication(metadata),
        )

    def check(self, callback_url: str) -> Sequence[str]:
        from packistry.plugin.id_tokens import public_keys

        self._metadata.forget()
        notes = list(super().check(callback_url))
        if not public_keys(self._fetch_keys()):
            raise Unavailable("The place publishes no key that its ID tokens could be signed with.")
        missing = self._scopes_not_offered()
        if missing:
            notes.append(f"The place does not say that it knows the scope {', '.join(missing)}.")
        return notes

    def identity(self, answer: TokenAnswer) -> Identity:
        if not answer.id_token:
            raise SignInRefused(
                "The place sent no ID token. Is this client one for OpenID Connect?"
            )
        from packistry.plugin.id_tokens import Expected, read

        claims = read(
            answer.id_token,
            self._keys,
            Expected(
                issuer=self.issuer_of,
                client_id=self.config.client_id,
                nonce=answer.nonce,
                access_token=answer.access_token,
                algorithms=self._algorithms(),
            ),
        )
        self.accept(claims)
        more = self._userinfo(answer, claims["sub"])
        email, verified, evidence = self._email(claims, more)
        return Identity(
            subject=claims["sub"],
            email=email,
            email_verified=verified,
            name=self.name_of({**more, **claims}),
            claims={**more, **claims},
            evidence=evidence,
            logout_hint=answer.id_token,
        )

    def end_session(self, return_url: str, logout_hint: str) -> str | None:
        endpoint = self._metadata.get().get("end_session_endpoint")
        if not isinstance(endpoint, str) or not is_encrypted(endpoint):
            return None
        query = {"client_id": self.config.client_id, "post_logout_redirect_uri": return_url}
        if logout_hint:
            query["id_token_hint"] = logout_hint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def _discover(self) -> Mapping[str, Any]:
        issuer = self.issuer()
        if not is_encrypted(issuer):
            raise ConfigError(f"The issuer {issuer} must be an https address.")
        url = f"{issuer.removesuffix('/')}/.well-known/openid-configuration"
        try:
            metadata = self.http.get(url).json()
        except (NotFound, Rejected) as error:
            words = f"There is no OpenID Connect at {url} ({error}) Check the address, to the path."
            raise ConfigError(words) from error
        if not isinstance(metadata, dict):
            raise ConfigError(f"{url} is no OpenID Connect discovery document.")
        if not self.is_published_issuer(metadata.get("issuer")):
            raise ConfigError(
                f"The place calls itself {metadata.get('issuer')!r}, not {issuer!r}. "
                "Enter its name exactly so, with or without the last slash."
            )
        return metadata

    def _fetch_keys(self) -> Any:
        return self.http.get(_address(self._metadata.get(), "jwks_uri")).json()

    def _algorithms(self) -> Sequence[str]:
        offered = self._metadata.get().get("id_token_signing_alg_values_supported")
        return offered if isinstance(offered, list) else _DEFAULT_ALGORITHMS

    def _scopes_not_offered(self) -> list[str]:
        offered = self._metadata.get().get("scopes_supported")
        wanted = self.scopes().split()
        if not isinstance(offered, list):
            return []
        # Scopes of its own API, such as read:user, a place need not list there.
        return [word for word in wanted if word not in offered and ":" not in word]

    def _userinfo(self, answer: TokenAnswer, subject: str) -> Mapping[str, Any]:
        """What userinfo adds, of the same person; nothing where there is no such endpoint."""
        if not self.asks_userinfo or "userinfo_endpoint" not in self._metadata.get():
            return {}
        url = _address(self._metadata.get(), "userinfo_endpoint")
        try:
            found = self.api(url, answer).get(url).json()
        except PluginError as error:
            raise SignInRefused(f"The place does not say who you are: {error}") from error
        # OpenID Connect Core §5.3.2: userinfo of another subject must not be used.
        if not isinstance(found, dict) or found.get("sub") != subject:
            raise SignInRefused("The place answers with the data of somebody else.")
        return found

    def _email(self, claims: Mapping[str, Any], more: Mapping[str, Any]) -> tuple[str, bool, str]:
        # An address of one document and the proof of another prove nothing.
        for document, where in ((claims, "the ID token"), (more, "userinfo")):
            email, verified, evidence = self.email_of(document)
            if email:
                return email, verified, f"{evidence} of {where}"
        return "", False, ""


class _Kept(Generic[V]):
    """A value that is fetched when first needed and again after an hour."""

    def __init__(self, fetch: Callable[[], V]) -> None:
        self._fetch = fetch
        self._lock = Lock()
        self._value: V | None = None
        self._until = 0.0

    def get(self) -> V:
        with self._lock:
            if self._value is None or time.monotonic() > self._until:
                self._value = self._fetch()
                self._until = time.monotonic() + _LIFETIME
            return self._value

    def forget(self) -> None:
        with self._lock:
            self._value = None


def _address(metadata: Mapping[str, Any], name: str) -> str:
    url = metadata.get(name)
    if not isinstance(url, str) or not is_encrypted(url):
        raise ConfigError(f"The place's discovery document names no https address as {name}.")
    return url
