"""What an administrator fills in for a GitHub, and the addresses that follow from it."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from packistry.plugin import MULTILINE, ORIGIN, Config, OAuth2Config, address_parts, one_word

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
"""What goes with every request to the API; all versions of GitHub Enterprise know this one."""

_SAAS = ("github.com", "www.github.com", "api.github.com")
_RESIDENCE = ".ghe.com"


class GitHubConfig(Config):
    """Where GitHub is, and a token or an App that may read there."""

    url: str = Field(
        "https://github.com",
        title="Address",
        description="What you open in a browser: https://github.com, or your GitHub Enterprise.",
        json_schema_extra=ORIGIN,
    )
    token: SecretStr = Field(
        SecretStr(""),
        title="Access token",
        description="Fine-grained with the permissions Contents: read and Webhooks: read and "
        "write, or classic with the scope repo. Blank for an App, or for public repositories.",
    )
    app_id: str = Field(
        "", title="App ID", description="Of a GitHub App, in place of a token: its client ID or ID."
    )
    app_key: SecretStr = Field(
        SecretStr(""),
        title="App private key",
        description="The .pem file that GitHub made for the App, from -----BEGIN on.",
        json_schema_extra=MULTILINE,
    )
    installation_id: str = Field(
        "",
        title="App installation ID",
        description="The number that ends the address of the installation's page. Blank when the "
        "App is installed once.",
    )

    @field_validator("url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        return _web_address(value)

    @field_validator("token")
    @classmethod
    def _one_word(cls, value: SecretStr) -> SecretStr:
        return one_word(value)

    @field_validator("app_id", "installation_id")
    @classmethod
    def _an_id(cls, value: str) -> str:
        given = value.strip()
        if given and not (given.isascii() and given.replace("-", "").replace(".", "").isalnum()):
            raise ValueError("must be an ID, made of letters and digits")
        return given

    @field_validator("app_key")
    @classmethod
    def _a_key(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value().replace("\r\n", "\n").strip()
        if key and not (key.startswith("-----BEGIN ") and key.endswith("PRIVATE KEY-----")):
            raise ValueError("must be the whole .pem file, from -----BEGIN to the last dash")
        return SecretStr(key)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        key = self.app_key.get_secret_value()
        if bool(self.app_id) != bool(key):
            raise ValueError("A GitHub App needs both, its ID and its private key.")
        if key and self.token.get_secret_value():
            raise ValueError("Give an access token or a GitHub App, not both.")
        if self.installation_id and not key:
            raise ValueError("An installation belongs to a GitHub App: give its ID and key too.")
        return self

    @property
    def api_url(self) -> str:
        """The base URL of the REST API at this address."""
        return _api_url(self.url)


class GitHubSignInConfig(OAuth2Config):
    """An OAuth app that a GitHub knows."""

    url: str = Field(
        "https://github.com",
        title="Address",
        description="What you open in a browser: https://github.com, or your GitHub Enterprise.",
        json_schema_extra=ORIGIN,
    )
    groups: bool = Field(
        False,
        title="Organisations and teams",
        description="Ask for them (read:org), so that roles and rights can be mapped from them.",
    )

    @field_validator("url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        return _web_address(value)

    @property
    def api_url(self) -> str:
        """The base URL of the REST API at this address."""
        return _api_url(self.url)


def _api_url(web: str) -> str:
    parts = urlsplit(web)
    if parts.hostname == "github.com":
        return "https://api.github.com"
    if (parts.hostname or "").endswith(_RESIDENCE):
        return f"https://api.{parts.netloc}"
    return f"{web}/api/v3"


def _web_address(text: str) -> str:
    """The address in one spelling, whether that of the pages or of the API was given."""
    parts = address_parts(text.strip(), example="https://github.com")
    host, path = parts.netloc.lower(), parts.path.rstrip("/")
    for end in ("/api/v3", "/api/graphql", "/api"):
        path = path.removesuffix(end)
    ours = host in _SAAS or host.endswith(_RESIDENCE)
    if ours and path:
        raise ValueError("must be the address of GitHub itself, without an owner or repository")
    if ours:
        host = "github.com" if host in _SAAS else host.removeprefix("api.")
        return f"https://{host}"
    return f"{parts.scheme}://{host}{path}"
