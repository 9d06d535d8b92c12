"""What an administrator fills in for a Gitea or Forgejo."""

from pydantic import Field, SecretStr, field_validator

from packistry.plugin import ORIGIN, Config, OAuth2Config, address_parts, one_word


class GiteaConfig(Config):
    """Where it is, and a token that may read there."""

    url: str = Field(
        title="Address",
        description="What you open in a browser: https://codeberg.org, or "
        "https://git.example.org/gitea.",
        json_schema_extra=ORIGIN,
    )
    token: SecretStr = Field(
        title="Access token",
        description="With the scopes read:user and write:repository; read:repository is enough "
        "without webhooks.",
    )

    @field_validator("url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        return _web_address(value)

    @field_validator("token")
    @classmethod
    def _one_word(cls, value: SecretStr) -> SecretStr:
        return one_word(value)

    @property
    def api_url(self) -> str:
        """The base URL of the API at this address."""
        return f"{self.url}/api/v1"


class GiteaSignInConfig(OAuth2Config):
    """An OAuth2 application that a Gitea or Forgejo knows."""

    url: str = Field(
        title="Address",
        description="What you open in a browser: https://codeberg.org, or "
        "https://git.example.org/gitea. It must be its ROOT_URL.",
        json_schema_extra=ORIGIN,
    )
    confirms_email: bool = Field(
        False,
        title="E-mail addresses are confirmed there",
        description="Tick it only if nobody can have an address there that is not theirs: "
        "REGISTER_EMAIL_CONFIRM is on, and accounts that administrators or other sources make "
        "have proven addresses too.",
    )

    @field_validator("url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        return _web_address(value)


def _web_address(text: str) -> str:
    """The address in one spelling, whether that of the pages or of the API was given."""
    parts = address_parts(text.strip(), example="https://codeberg.org")
    path = parts.path.rstrip("/").removesuffix("/api/v1").removesuffix("/api/swagger")
    return f"{parts.scheme}://{parts.netloc.lower()}{path}"
