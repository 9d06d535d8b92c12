"""What people paste into a terminal so that `composer` uses a repository."""

import json
import re
import shlex
from urllib.parse import urlsplit

from packistry.models import Repository, Version

STABLE = "stable"
PACKAGIST = "https://repo.packagist.org"


def repository_commands(base_url: str, repository: Repository) -> list[str]:
    """The commands, in a project's folder, that add the repository to its composer.json."""
    key = re.sub(r"[^a-z0-9-]+", "-", repository.path or "packistry")
    lines = [f"composer config repositories.{key} composer {base_url}{repository.prefix}"]
    if base_url.startswith("http://"):
        lines.append("composer config secure-http false")
    if repository.reserved_vendors:
        excluded = [f"{vendor}/*" for vendor in repository.reserved_vendors]
        packagist = json.dumps({"type": "composer", "url": PACKAGIST, "exclude": excluded})
        lines.append(f"composer config repositories.packagist.org '{packagist}'")
    return lines


def token_commands(base_url: str, token: str) -> tuple[str, str]:
    """The commands that have composer send the token: as a bearer, or by HTTP basic.

    Either is enough. The token goes where a password goes, never where a user name does.
    """
    origin = urlsplit(base_url).netloc
    return (
        f"composer config --global --auth bearer.{origin} {token}",
        f"composer config --global --auth http-basic.{origin} token {token}",
    )


def require_command(package: str, version: Version) -> str:
    """The command, in a project's folder, that installs the package.

    Composer chooses among its stable versions; one that is not stable has to be named.
    """
    named = package if version.stability == STABLE else f"{package}:{version.name}"
    return f"composer require {shlex.quote(named)}"


def token_variable(base_url: str, token: str) -> str:
    """The value of COMPOSER_AUTH that has composer send the token."""
    return json.dumps({"bearer": {urlsplit(base_url).netloc: token}})
