"""What an operator may set. `docs/settings.md` has the table; a test holds it against this file."""

import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from packistry.errors import ConfigurationError
from packistry.faults import faults

MIB = 1024 * 1024
GIB = 1024 * MIB
PREFIX = "PACKISTRY_"

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?\Z")

Colons = Annotated[tuple[Path, ...], NoDecode]
Commas = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Every setting of one process, read once at start-up and never changed.

    Values come from `PACKISTRY_*` environment variables, then from the TOML file that
    `PACKISTRY_CONFIG` names, then from the defaults below.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    data_dir: Path = Field(
        Path("var"), description="Folder for the database, keys, mirrors and dists."
    )
    listen: str = Field("127.0.0.1:8080", description="HOST:PORT that `packistry serve` binds.")
    url: str = Field(
        "",
        description="Public base URL, e.g. https://packages.example.org. Empty: taken from the "
        "request's Host header.",
    )
    database_url: SecretStr = Field(
        SecretStr(""),
        description="SQLAlchemy URL (sqlite, postgresql+psycopg, mysql+pymysql). Empty: SQLite in "
        "the data directory.",
    )
    redis_url: SecretStr = Field(
        SecretStr(""),
        description="Redis for RQ jobs run by `packistry worker`. Empty: worker threads inside "
        "`packistry serve`.",
    )
    smtp_url: SecretStr = Field(
        SecretStr(""),
        description="smtp://USER:PASSWORD@HOST:587?from=ADDRESS (STARTTLS) or smtps://… to send "
        "mail by. Empty: links are shown to administrators, to hand over.",
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="Comma-separated base64 keys of 32 bytes: the first encrypts, all decrypt. "
        "Empty: the file secret.key in the data directory.",
    )
    storage: str = Field("local", description="Name of the storage plugin that keeps dists.")
    storage_options: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict,
        description='The storage plugin\'s own options, as JSON (local: {"path": …}).',
    )
    trusted_proxies: Commas = Field(
        (),
        description="Addresses or networks, comma-separated, whose X-Forwarded-* headers are "
        "believed.",
    )
    plugins: Commas = Field((), description="Names of the only plugins to load. Empty: all.")
    disabled_plugins: Commas = Field((), description="Names of plugins not to load.")
    strict_plugins: bool = Field(False, description="Refuse to start when a plugin fails to load.")
    git_local_roots: Colons = Field(
        (), description="Folders, colon-separated, below which local git repositories are allowed."
    )
    git_allow_http: bool = Field(False, description="Allow git over unencrypted http://.")
    allow_hosts: Commas = Field(
        (),
        description="Hosts or networks, comma-separated, that may be contacted although they are "
        "loopback or link-local.",
    )
    max_archive_bytes: int = Field(
        512 * MIB, gt=0, description="Largest zip that is accepted or built, in bytes."
    )
    upload_bytes_a_day: int = Field(
        0,
        ge=0,
        description="Most bytes a token, or a person in the web admin, may upload in a day (UTC). "
        "0: as many as they like.",
    )
    max_unpacked_bytes: int = Field(
        GIB, gt=0, description="Largest sum of a package's unpacked files, in bytes."
    )
    max_archive_files: int = Field(50_000, gt=0, description="Most files in one dist.")
    max_mirror_bytes: int = Field(
        20 * GIB, gt=0, description="Largest mirror clone of one project, in bytes."
    )
    max_refs: int = Field(20_000, gt=0, description="Most branches and tags of one project.")
    git_timeout: float = Field(1800, gt=0, description="Seconds one git command may take.")
    workers: int = Field(
        2, ge=0, le=64, description="Embedded worker threads (0: none; ignored with Redis)."
    )
    archive_threads: int = Field(2, ge=1, le=64, description="Archives built at once in a sync.")
    reconcile_seconds: int = Field(
        3600, ge=10, description="How often every project is looked at, in seconds, with jitter."
    )
    unreachable_looks: int = Field(
        3,
        ge=1,
        description="After how many looks a project that a host denies is unreachable,"
        " if those span PACKISTRY_UNREACHABLE_SECONDS.",
    )
    unreachable_seconds: int = Field(
        86400, ge=0, description="How long a host must deny a project until it is unreachable."
    )
    syncs_kept: int = Field(
        500, ge=20, description="Most finished syncs that are remembered of each project."
    )
    sync_days: int = Field(
        90,
        ge=1,
        description="Days a finished sync is remembered; of each project the newest 20 stay.",
    )
    dist_wait_seconds: float = Field(
        20, ge=0, description="How long a download waits for a lazy dist before it answers 503."
    )
    session_idle_hours: float = Field(
        8, gt=0, description="Hours without a request after which a browser is signed out."
    )
    session_hours: float = Field(
        168, gt=0, description="Hours after which a browser is signed out in any case."
    )
    second_factor_roles: Commas = Field(
        (),
        description="Roles, comma-separated (admin, user), whose passwords open nothing without a "
        "code of an app.",
    )
    threads: int = Field(4, ge=1, le=256, description="Request threads of each web process.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        config = os.environ.get(PREFIX + "CONFIG")
        if not config:
            return init_settings, env_settings
        if not Path(config).is_file():
            raise ConfigurationError(f"PACKISTRY_CONFIG names {config}, which is not a file.")
        try:
            file = TomlConfigSettingsSource(settings_cls, Path(config))
        except ValueError as error:
            raise ConfigurationError(f"{config} is no TOML file: {error}.") from None
        return init_settings, env_settings, file

    @field_validator("data_dir", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if value == "":
            raise ValueError("must name a folder")
        return value

    @field_validator("storage_options", mode="before")
    @classmethod
    def _from_json(cls, value: Any) -> Any:
        try:
            found = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            found = None
        if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
            raise ValueError('must be a JSON object of texts, such as {"path": "/srv/dists"}')
        return found

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if text and urlsplit(text).scheme not in ("redis", "rediss", "unix"):
            raise ValueError("must be redis://, rediss:// or unix://")
        return value

    @field_validator("allow_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_HOST.match(each) or _is_network(each) for each in value):
            raise ValueError("each must be a host name, an IP address or a network")
        return value

    @field_validator("git_local_roots", mode="before")
    @classmethod
    def _split_colons(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(Path(part) for part in value.split(":") if part)
        return value

    @field_validator(
        "trusted_proxies",
        "plugins",
        "disabled_plugins",
        "allow_hosts",
        "second_factor_roles",
        mode="before",
    )
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("git_local_roots")
    @classmethod
    def _absolute_roots(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        for root in value:
            if not root.is_absolute():
                raise ValueError("each folder must be an absolute path")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            if not _is_network(network):
                raise ValueError("each must be an IP address or network")
        return value

    @field_validator("second_factor_roles")
    @classmethod
    def _roles(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not set(value) <= {"admin", "user"}:
            raise ValueError("each must be admin or user")
        return value

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ValueError("must be HOST:PORT, for example 127.0.0.1:8080")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _smtp(cls, value: SecretStr) -> SecretStr:
        parts = urlsplit(value.get_secret_value())
        if value.get_secret_value() and (
            parts.scheme not in ("smtp", "smtps") or not parts.hostname
        ):
            raise ValueError("must be smtp://USER:PASSWORD@HOST:587?from=ADDRESS, or smtps://…")
        return value

    @field_validator("url")
    @classmethod
    def _base_url(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http(s) URL, for example https://packages.example.org")
        if parts.query or parts.fragment or parts.username:
            raise ValueError("must have no query, fragment or user name")
        return value.rstrip("/")

    @cached_property
    def root(self) -> Path:
        """The data directory as an absolute path."""
        return self.data_dir.expanduser().absolute()

    @property
    def database(self) -> str:
        """The SQLAlchemy URL, with the default filled in."""
        return self.database_url.get_secret_value() or f"sqlite:///{self.root}/packistry.sqlite"

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def base_url(self) -> str:
        """The URL documents are rendered for ahead of time: `url`, else the listening address."""
        if self.url:
            return self.url
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - compared
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}"

    @property
    def jobs(self) -> Literal["embedded", "rq"]:
        return "rq" if self.redis_url.get_secret_value() else "embedded"


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def load(**overrides: Any) -> Settings:
    """The settings of this process.

    Raises ConfigurationError that lists every faulty setting at once, never its value.
    """
    unknown = _unknown_variables(os.environ)
    problems = [f"{name}: no such setting." for name in unknown]
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        problems += [f"{PREFIX}{name.upper()}: {said}." for name, said in faults(error).items()]
    if problems:
        raise ConfigurationError("These settings cannot work:\n  " + "\n  ".join(problems))
    return settings


def origin(settings: Settings, name: str) -> Literal["environment", "file", "start", "default"]:
    """Where a setting comes from; "start" is what the command that started us decided itself."""
    if PREFIX + name.upper() in os.environ:
        return "environment"
    if name in _in_file():
        return "file"
    default = Settings.model_fields[name].get_default(call_default_factory=True)
    return "default" if getattr(settings, name) == default else "start"


def _in_file() -> Mapping[str, Any]:
    config = os.environ.get(PREFIX + "CONFIG", "")
    try:
        return tomllib.loads(Path(config).read_text(encoding="utf-8")) if config else {}
    except (OSError, ValueError):
        # It was there at the start; what it said then counts, not what became of it.
        return {}


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {PREFIX + "CONFIG"}
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
