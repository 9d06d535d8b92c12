"""What an administrator fills in for Bitbucket."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, field_validator

from packistry.plugin import ORIGIN, Config, address_parts, one_word

_API = "/rest/api"
_WEB = "https://bitbucket.org/"


Token = Annotated[SecretStr, AfterValidator(one_word)]


class CloudConfig(Config):
    """Which workspace of bitbucket.org, and what opens it."""

    workspace: str = Field(
        title="Workspace",
        description="The workspace's id, as in bitbucket.org/WORKSPACE/repository.",
    )
    email: str = Field(
        "",
        title="Atlassian account e-mail",
        description="For an API token: the e-mail of the account it belongs to. Blank for an"
        " access token of a repository, project or workspace.",
    )
    token: Token = Field(
        title="Token",
        description="An API token, or an access token of the workspace, a project or a"
        " repository. App passwords have not worked since July 2026.",
    )

    @field_validator("workspace")
    @classmethod
    def _slug(cls, value: str) -> str:
        workspace = value.strip().removeprefix(_WEB).strip("/")
        if not workspace or not workspace.isprintable() or set(workspace) & set("/?#\\ "):
            raise ValueError("must be the id of one workspace, such as acme")
        return workspace

    @field_validator("email")
    @classmethod
    def _address(cls, value: str) -> str:
        email = value.strip()
        if email and not ("@" in email and email.isascii() and email.isprintable()):
            raise ValueError("must be an e-mail address")
        if ":" in email:
            raise ValueError("must be without a colon")
        return email


class DataCenterConfig(Config):
    """Which Bitbucket server, and what opens it."""

    url: str = Field(
        title="Bitbucket URL",
        description="The address of Bitbucket itself, with its context path if it has one: "
        "https://example.org/bitbucket.",
        json_schema_extra=ORIGIN,
    )
    token: Token = Field(
        title="HTTP access token",
        description="Of a user, a project or a repository, with the permission repository admin;"
        " without webhooks, repository read does.",
    )
    username: str = Field(
        "",
        title="User name",
        description="For the token of a user: the user it belongs to. Blank for the token of a"
        " project or repository.",
    )
    project: str = Field(
        "",
        title="Project key",
        description="If given, only repositories of this project are listed and found.",
    )

    @field_validator("url")
    @classmethod
    def _base(cls, value: str) -> str:
        url = value.strip().rstrip("/").partition(_API)[0]
        address_parts(url, example="https://bitbucket.example.org")
        return url

    @field_validator("username", "project")
    @classmethod
    def _name(cls, value: str) -> str:
        name = value.strip()
        if not name.isprintable() or set(name) & set("/?#\\ :"):
            raise ValueError("must be one name")
        return name
