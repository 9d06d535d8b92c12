"""The provider `git`: any repository that git can clone, named by its URL."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from packistry.plugin import (
    MULTILINE,
    ORIGIN,
    Config,
    ConfigError,
    GitRemote,
    GitSourceProvider,
    NotFound,
    Project,
)


class GitConfig(Config):
    """Where the repositories are, and what opens them."""

    url: str = Field(
        "",
        title="Base URL",
        description="If given, projects must be below it, and may be named by what follows it; "
        "the credentials are then sent nowhere else.",
        json_schema_extra=ORIGIN,
    )
    username: str = Field("", title="User name", description="For https. Many hosts take any.")
    password: SecretStr = Field(
        SecretStr(""), title="Password or token", description="For https; needs to read code only."
    )
    ssh_key: SecretStr = Field(
        SecretStr(""),
        title="SSH private key",
        description="For ssh://… and git@host:…, without a passphrase. A deploy key is best.",
        json_schema_extra=MULTILINE,
    )
    known_hosts: str = Field(
        "",
        title="SSH known hosts",
        description="The host's keys, as `ssh-keyscan HOST` prints them; compare them with what "
        "the host publishes.",
        json_schema_extra=MULTILINE,
    )

    @field_validator("username")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("must be one line of printable characters")
        return value

    @field_validator("password")
    @classmethod
    def _without_line_end(cls, value: SecretStr) -> SecretStr:
        # A secret that comes from a file ends with a line end nobody typed.
        secret = value.get_secret_value().rstrip("\r\n")
        if not secret.isprintable():
            raise ValueError("must be one line of printable characters")
        return SecretStr(secret)

    @field_validator("ssh_key")
    @classmethod
    def _private_key(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value().replace("\r\n", "\n").strip()
        if not key:
            return SecretStr("")
        first, _, rest = key.partition("\n")
        if not (first.startswith("-----BEGIN ") and first.endswith("PRIVATE KEY-----") and rest):
            raise ValueError("must be the whole file of a private key, from -----BEGIN on")
        if "ENCRYPTED" in key:
            raise ValueError("must have no passphrase, because nobody is there to type it")
        return SecretStr(key + "\n")

    @model_validator(mode="after")
    def _host_keys(self) -> Self:
        if self.ssh_key.get_secret_value() and not self.known_hosts.strip():
            raise ValueError(
                "An SSH key needs known hosts as well: the output of `ssh-keyscan HOST`."
            )
        return self


class Git(GitSourceProvider[GitConfig]):
    """A project is a URL or a path; its id is that URL in one spelling, without credentials.

    It lists none: git cannot.
    """

    name = "git"
    title = "Git repository"
    Config = GitConfig

    def check(self) -> Sequence[str]:
        """The base URL is allowed. What a repository needs shows when it is opened."""
        if self.config.url:
            self.canonical_url(self.config.url)
        return ()

    def project(self, id: str) -> Project:  # noqa: A002 - the contract's word
        url = self.canonical_url(self._full_url(id.strip()).rstrip("/"))
        self._check_below_base(url)
        local = url.startswith("/")
        if local and not _is_repository(Path(url)):
            raise NotFound(f"There is no git repository in {id.strip()}.")
        try:
            return Project(
                id=url,
                path=_path(url),
                web_url="" if local else url.removesuffix(".git"),
                clone_url="" if local else url,
            )
        except ValueError:
            raise NotFound("No project can have an address as long as that.") from None

    def remote(self, project: Project) -> GitRemote:
        """The project's URL, checked again: what is allowed may have changed since it was added."""
        url = self.canonical_url(project.id)
        self._check_below_base(url)
        return GitRemote(
            url=url,
            username=self.config.username,
            password=self.config.password.get_secret_value(),
            ssh_key=self.config.ssh_key.get_secret_value(),
            known_hosts=self.config.known_hosts,
        )

    def _full_url(self, typed: str) -> str:
        relative = ":" not in typed and not typed.startswith(("/", ".", "~"))
        if not (self.config.url and relative and typed):
            return typed
        return f"{self.config.url.rstrip('/')}/{typed}"

    def _check_below_base(self, url: str) -> None:
        if not self.config.url:
            return
        base = self.canonical_url(self.config.url).rstrip("/")
        climbs = any(name in (".", "..") for name in url.lower().replace("%2e", ".").split("/"))
        if climbs or not (url == base or url.startswith(base + "/")):
            raise ConfigError(f"This source is for repositories below {base}.")


def _is_repository(path: Path) -> bool:
    try:
        return (path / "HEAD").is_file()
    except OSError as error:
        raise NotFound(f"The server may not read {path}: its user needs the right to.") from error


def _path(url: str) -> str:
    """What people call the repository at this address: "acme/lib"."""
    if url.startswith("/"):
        path = url.removesuffix("/.git")
        return path.rsplit("/", 1)[-1].removesuffix(".git")
    path = urlsplit(url).path if "://" in url else url.partition(":")[2]
    return path.strip("/").removesuffix(".git") or url
