"""ID tokens: whose signature, whose token, for whom, and still. OpenID Connect Core §3.1.3.7."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from packistry.plugin.errors import SignInRefused

ASYMMETRIC = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
)
"""What a token may be signed with. A shared secret or nothing at all never counts, whatever the
place says it uses: with HS256 whoever knows the public key could sign."""

LEEWAY = 60
"""Seconds by which two clocks may differ."""

REFETCH_SECONDS = 30
"""How often, at most, keys are fetched because a token names one we do not know."""

_MOST_KEYS = 50

PublicKey = RSAKey | ECKey | OKPKey


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What must be true of a token. `issuer` is asked once the signature is known to be good."""

    issuer: Callable[[Mapping[str, Any]], str]
    client_id: str
    nonce: str
    access_token: str
    algorithms: Collection[str]


class KeyRing:
    """The keys a place signs with, fetched when first needed and again when one is unknown."""

    def __init__(
        self,
        fetch: Callable[[], Any],
        *,
        lifetime: float = 3600,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._lifetime = lifetime
        self._clock = clock
        self._lock = Lock()
        self._keys: tuple[PublicKey, ...] = ()
        self._fetched = self._asked_again = float("-inf")

    def candidates(self, kid: str | None) -> Sequence[PublicKey]:
        """The keys of this id; all of them for a token that names none.

        Places change their keys without a word: an unknown id has them fetched once more, but not
        for everybody who makes one up.
        """
        with self._lock:
            if self._clock() - self._fetched > self._lifetime:
                self._load()
            found = self._named(kid)
            if not found and self._clock() - self._asked_again >= REFETCH_SECONDS:
                self._asked_again = self._clock()
                self._load()
                found = self._named(kid)
            return found

    def _named(self, kid: str | None) -> tuple[PublicKey, ...]:
        return tuple(key for key in self._keys if kid is None or key.kid == kid)

    def _load(self) -> None:
        self._keys = public_keys(self._fetch())
        self._fetched = self._clock()


def public_keys(document: Any) -> tuple[PublicKey, ...]:
    """The keys of a JWKS that can verify a signature; those of other kinds are passed over."""
    listed = document.get("keys") if isinstance(document, dict) else None
    keys = []
    for each in (listed if isinstance(listed, list) else [])[:_MOST_KEYS]:
        if not isinstance(each, dict) or each.get("use", "sig") != "sig":
            continue
        try:
            key = import_key(each)
        except (JoseError, ValueError, TypeError, KeyError):
            # RFC 7517 §5: a key that cannot be understood should be ignored.
            continue
        if isinstance(key, RSAKey | ECKey | OKPKey):
            keys.append(key)
    return tuple(keys)


def read(text: str, ring: KeyRing, expected: Expected) -> Mapping[str, Any]:
    """The claims of an ID token. Raises SignInRefused unless everything about it is right."""
    allowed = sorted(ASYMMETRIC.intersection(expected.algorithms))
    if not allowed:
        raise SignInRefused("The place signs its ID tokens in no way that can be trusted.")
    try:
        kid = _key_id(text)
        token = _verified(text, ring.candidates(kid), allowed)
        claims = CodeIDToken(
            token.claims,
            token.header,
            # Without `aud` here authlib is content with an `azp` that is ours.
            {
                "iss": {"essential": True, "value": expected.issuer(token.claims)},
                "aud": {"essential": True, "value": expected.client_id},
                "sub": {"essential": True},
                "nonce": {"essential": True, "value": expected.nonce},
            },
            {
                "nonce": expected.nonce,
                "client_id": expected.client_id,
                "access_token": expected.access_token,
            },
        )
        claims.validate(leeway=LEEWAY)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise SignInRefused(f"The ID token is not to be trusted: {_reason(error)}.") from error
    if not isinstance(claims["sub"], str) or not claims["sub"]:
        raise SignInRefused("The ID token does not say who signed in.")
    return dict(claims)


def _key_id(text: str) -> str | None:
    kid = jws.extract_compact(text.encode()).headers().get("kid")
    return kid if isinstance(kid, str) else None


def _verified(text: str, keys: Sequence[PublicKey], algorithms: Sequence[str]) -> jwt.Token:
    if not keys:
        raise ValueError("it is signed with a key the place does not publish")
    problem: Exception = ValueError("no key fits")
    for key in keys:
        try:
            return jwt.decode(text, key, algorithms=algorithms)
        except (JoseError, ValueError, TypeError) as error:
            problem = error
    raise problem


def _reason(error: Exception) -> str:
    if isinstance(error, JoseError):
        return (error.description or error.error).rstrip(".")
    return str(error) if type(error) is ValueError else "it cannot be read"
