"""What an administrator fills in for GitLab."""

from pydantic import Field, SecretStr, field_validator

from packistry.plugin import ORIGIN, Config, OAuth2Config, address_parts, one_word

_API = "/api/v4"


class GitLabConfig(Config):
    """Which GitLab, and what opens it."""

    url: str = Field(
        "https://gitlab.com",
        title="GitLab URL",
        description="The address of GitLab itself, with its sub-path if it has one: "
        "https://example.org/gitlab.",
        json_schema_extra=ORIGIN,
    )
    token: SecretStr = Field(
        title="Access token",
        description="A personal, group or project access token with the scope api, whose user is "
        "a Maintainer. Without webhooks, read_api and read_repository and a Reporter do.",
    )
    group: str = Field(
        "",
        title="Group",
        description="If given, only projects of this group and its subgroups are listed: its "
        "path, such as acme/php, or its number.",
    )

    @field_validator("url")
    @classmethod
    def _base(cls, value: str) -> str:
        return base_url(value)

    @field_validator("token")
    @classmethod
    def _one_word(cls, value: SecretStr) -> SecretStr:
        return one_word(value)

    @field_validator("group")
    @classmethod
    def _path(cls, value: str) -> str:
        return value.strip().strip("/")


class GitLabSignInConfig(OAuth2Config):
    """An application that a GitLab knows."""

    url: str = Field(
        "https://gitlab.com",
        title="GitLab URL",
        description="The address of GitLab itself, with its sub-path if it has one.",
        json_schema_extra=ORIGIN,
    )

    @field_validator("url")
    @classmethod
    def _base(cls, value: str) -> str:
        return base_url(value)


def base_url(text: str) -> str:
    """The address of a GitLab in one spelling, also when that of its API was given. ValueError."""
    url = text.strip().rstrip("/").removesuffix(_API)
    address_parts(url, example="https://gitlab.example.org")
    return url
