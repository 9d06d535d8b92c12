"""Signing in by OAuth 2.0: the code flow of RFC 6749 with PKCE (RFC 7636), once for everyone.

authlib is loaded when somebody signs in: the plugins that build on this are loaded by every
command and worker.
"""

import hmac
import secrets
from abc import abstractmethod
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar
from urllib.parse import parse_qsl, quote_plus, urlencode

from pydantic import Field, SecretStr

from packistry.plugin.answers import host_words
from packistry.plugin.auth import AuthBackend, Identity, Redirect, is_encrypted
from packistry.plugin.config import Config
from packistry.plugin.errors import (
    ConfigError,
    CredentialsError,
    PluginError,
    RateLimited,
    SignInRefused,
    Unavailable,
)
from packistry.plugin.http import HttpClient, HttpResponse

if TYPE_CHECKING:
    from authlib.oauth2.client import OAuth2Client

# RFC 7636 §4.1 wants a verifier of 43 to 128 characters: this many bytes make 64.
_STATE_BYTES = 32
_VERIFIER_BYTES = 48
_LONGEST_ANSWER = 8192

AGAIN = "Begin again on the sign-in page."
ClientAuthentication = Literal["client_secret_basic", "client_secret_post"]
Fault = Literal["client", "callback", "code", "other"]


class OAuth2Config(Config):
    """What every OAuth 2.0 client is registered with."""

    client_id: str = Field(title="Client ID")
    client_secret: SecretStr = Field(title="Client secret")


O = TypeVar("O", bound=OAuth2Config)  # noqa: E741 - as C is for Config


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """Where a place has its OAuth 2.0.

    `issuer` is what it calls itself in the parameter `iss` of RFC 9207, "" where it does not;
    with `sends_issuer` an answer without it is refused.
    """

    authorize: str
    token: str
    issuer: str = ""
    sends_issuer: bool = False
    client_authentication: ClientAuthentication = "client_secret_post"

    def __post_init__(self) -> None:
        for url in (self.authorize, self.token):
            if not is_encrypted(url):
                raise ConfigError(f"{url} is not an https address: it would see the secret.")


@dataclass(frozen=True, kw_only=True)
class TokenAnswer:
    """What the place gave for the code. `nonce` is what we asked to have in an ID token."""

    access_token: str = field(repr=False)
    id_token: str = field(default="", repr=False)
    scope: frozenset[str] = frozenset()
    nonce: str = field(default="", repr=False)


class OAuth2Backend(AuthBackend[O]):
    """A place that speaks OAuth 2.0. You say where, and who a token belongs to.

    What is checked here, for everyone: `state` is ours and this browser's, PKCE S256, `iss`
    where the place sends it, that a code came back, and that nothing but that code is exchanged.
    """

    scope: ClassVar[str]
    """The scopes to ask for, separated by spaces."""

    @abstractmethod
    def endpoints(self) -> Endpoints:
        """Where to send browsers and codes. May ask the place, and raise a PluginError."""

    @abstractmethod
    def identity(self, answer: TokenAnswer) -> Identity:
        """Whose token it is. SignInRefused when the place does not vouch for them."""

    def scopes(self) -> str:
        """`scope`, or what the configuration makes of it."""
        return self.scope

    def parameters(self) -> Mapping[str, str]:
        """What else the authorization request says, such as `prompt`."""
        return {}

    def api(self, base_url: str, answer: TokenAnswer) -> HttpClient:
        """A client that asks the place with this person's token."""
        return self.http.at(base_url, {"Authorization": f"Bearer {answer.access_token}"})

    def fault(self, error: str, description: str) -> Fault:
        """What is wrong when the token endpoint says so: RFC 6749 §5.2, and GitHub's words.

        Override it for a place that uses them in another sense.
        """
        if error in _WRONG_CLIENT:
            return "client"
        if error == "redirect_uri_mismatch":
            return "callback"
        return "code" if error in _WRONG_CODE else "other"

    def check(self, callback_url: str) -> Sequence[str]:
        """Tries the client ID and secret with a code that cannot be right."""
        endpoints = self.endpoints()
        try:
            self._exchange(endpoints, callback_url, code=_random(), verifier=_verifier())
        except _Refused as error:
            fault = self.fault(error.code, str(error))
            if fault == "client":
                raise CredentialsError(self._wrong_client(error)) from error
            if fault == "callback":
                raise ConfigError(self._wrong_callback(callback_url)) from error
            # Whatever else it is: the client was believed, our code was not.
        return self._callback_notes(endpoints, callback_url)

    def begin(self, callback_url: str) -> Redirect:
        endpoints = self.endpoints()
        memo = {
            "state": _random(),
            "nonce": _random(),
            "verifier": _verifier(),
        }
        return Redirect(url=self._authorize_url(endpoints, callback_url, memo), memo=memo)

    def finish(
        self, callback_url: str, answer: Mapping[str, str], memo: Mapping[str, str]
    ) -> Identity:
        _check_state(answer, memo)
        endpoints = self.endpoints()
        _check_issuer(answer, endpoints)
        if "error" in answer:
            raise SignInRefused(self._error_words(answer))
        # Without a code authlib would ask for a token of our own, not for a person's.
        code = answer.get("code", "")
        if not code or len(code) > _LONGEST_ANSWER:
            raise SignInRefused(f"{self.title} sent no code back. {AGAIN}")
        try:
            token = self._exchange(endpoints, callback_url, code=code, verifier=memo["verifier"])
        except _Refused as error:
            raise self._exchange_failed(error, callback_url) from error
        return self.identity(self._token_answer(token, memo["nonce"]))

    def _client(self, endpoints: Endpoints, callback_url: str) -> "OAuth2Client":
        from authlib.oauth2.client import OAuth2Client

        client = OAuth2Client(
            session=_Poster(self.http),
            client_id=self.config.client_id,
            client_secret=self.config.client_secret.get_secret_value(),
            scope=self.scopes(),
            redirect_uri=callback_url,
            code_challenge_method="S256",
            token_endpoint_auth_method=endpoints.client_authentication,
        )
        client.register_client_auth_method(("client_secret_basic", _basic))
        return client

    def _authorize_url(
        self, endpoints: Endpoints, callback_url: str, memo: Mapping[str, str]
    ) -> str:
        client = self._client(endpoints, callback_url)
        url, _ = client.create_authorization_url(
            endpoints.authorize,
            state=memo["state"],
            code_verifier=memo["verifier"],
            nonce=memo["nonce"] if "openid" in self.scopes().split() else None,
            **self.parameters(),
        )
        return str(url)

    def _exchange(
        self, endpoints: Endpoints, callback_url: str, *, code: str, verifier: str
    ) -> Mapping[str, Any]:
        from authlib.oauth2 import OAuth2Error

        client = self._client(endpoints, callback_url)
        try:
            token: Mapping[str, Any] = client.fetch_token(
                endpoints.token, grant_type="authorization_code", code=code, code_verifier=verifier
            )
        except OAuth2Error as error:
            raise _Refused(str(error.error), str(error.description or "")) from error
        return token

    def _token_answer(self, token: Mapping[str, Any], nonce: str) -> TokenAnswer:
        access, identity = token.get("access_token"), token.get("id_token", "")
        kind = token.get("token_type") or "bearer"
        if not (isinstance(access, str) and access and str(kind).lower() == "bearer"):
            raise SignInRefused(f"{self.title} gave no bearer token for the code. {AGAIN}")
        scope = token.get("scope")
        words = scope.replace(",", " ").split() if isinstance(scope, str) else ()
        return TokenAnswer(
            access_token=access,
            id_token=identity if isinstance(identity, str) else "",
            scope=frozenset(words),
            nonce=nonce,
        )

    def _callback_notes(self, endpoints: Endpoints, callback_url: str) -> Sequence[str]:
        """Places answer a browser they will not send back with an error page of their own."""
        memo = {"state": _random(), "nonce": _random(), "verifier": _verifier()}
        try:
            self.http.get(self._authorize_url(endpoints, callback_url, memo))
        except PluginError as error:
            status = error.response.status if error.response else 0
            if status in (400, 403):
                raise ConfigError(self._wrong_callback(callback_url)) from error
            if not 300 <= status < 400:
                # Browsers may reach what this machine does not, so this need not be a fault.
                return (f"The sign-in page could not be tried from here: {error}",)
        return ()

    def _error_words(self, answer: Mapping[str, str]) -> str:
        code = answer["error"][:100]
        if code == "access_denied":
            return f"You did not agree at {self.title}, or may not use this application there."
        said = answer.get("error_description", "")[:300] or code
        return f"{self.title} refused to sign you in: {said}"

    def _exchange_failed(self, error: "_Refused", callback_url: str) -> PluginError:
        fault = self.fault(error.code, str(error))
        if fault == "client":
            return CredentialsError(self._wrong_client(error))
        if fault == "callback":
            return ConfigError(self._wrong_callback(callback_url))
        if fault == "code":
            return SignInRefused(f"{self.title} does not know this code any more. {AGAIN}")
        return SignInRefused(f"{self.title} refused to sign you in: {error}")

    def _wrong_client(self, error: "_Refused") -> str:
        return (
            f"{self.title} does not accept the client ID with this client secret ({error}). "
            "Copy both again; an administrator of the place sees whether the secret has expired."
        )

    def _wrong_callback(self, callback_url: str) -> str:
        return (
            f"{self.title} does not send people back to {callback_url}, or does not know the "
            "client ID. Enter exactly this callback URL (redirect URI) where the client is "
            "registered."
        )


_WRONG_CLIENT = frozenset(
    {"invalid_client", "unauthorized_client", "incorrect_client_credentials", "unauthorized"}
)
_WRONG_CODE = frozenset({"invalid_grant", "bad_verification_code"})


class _Refused(Exception):
    """The token endpoint said no: `code` is its error, `str` of this its own words."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description or code)
        self.code = code


class _Poster:
    """What authlib posts with: our HttpClient, with all of its limits and checked addresses."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def post(
        self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: Any
    ) -> "_Answer":
        _, sent, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        fields = dict(parse_qsl(body, keep_blank_values=True))
        try:
            return _Answer(self._http.at("").post_form(url, fields, headers=sent))
        except RateLimited:
            raise
        except PluginError as error:
            # An error of OAuth comes with 400 or 401 and says in its body what it is.
            if error.response is None or not _is_oauth_error(error.response):
                raise
            return _Answer(error.response)


class _Answer:
    """An HttpResponse as authlib reads one of requests."""

    def __init__(self, response: HttpResponse) -> None:
        self.status_code = 200 if response.status < 500 else response.status
        self._response = response

    def json(self) -> Any:
        return self._response.json()

    def raise_for_status(self) -> None:
        raise Unavailable("The token endpoint did not answer with a JSON object.")


def _is_oauth_error(response: HttpResponse) -> bool:
    return response.status < 500 and host_words(response) != "" and b'"error"' in response.body


def _basic(
    client: Any, _method: str, uri: str, headers: dict[str, str], body: str
) -> tuple[str, dict[str, str], str]:
    """RFC 6749 §2.3.1 has both encoded as in a form first; authlib leaves that out."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    return uri, headers, body


def _random() -> str:
    return secrets.token_urlsafe(_STATE_BYTES)


def _verifier() -> str:
    return secrets.token_urlsafe(_VERIFIER_BYTES)


def _check_state(answer: Mapping[str, str], memo: Mapping[str, str]) -> None:
    ours, theirs = memo.get("state", ""), answer.get("state", "")
    # With no state of ours authlib would take any.
    if not ours or not hmac.compare_digest(ours.encode(), theirs.encode()):
        raise SignInRefused(f"This sign-in was not begun in this browser. {AGAIN}")


def _check_issuer(answer: Mapping[str, str], endpoints: Endpoints) -> None:
    named = answer.get("iss")
    if named is None and endpoints.sends_issuer:
        raise SignInRefused(f"The answer does not say whose it is. {AGAIN}")
    if named is not None and endpoints.issuer and named != endpoints.issuer:
        raise SignInRefused(f"The answer is of another place. {AGAIN}")
