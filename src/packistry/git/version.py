"""The git that is installed."""

import re
import subprocess
from functools import cache

from packistry.errors import ConfigurationError

Version = tuple[int, int, int]

# Below this, `git archive` can be made to write outside its memory: CVE-2022-41903, CVE-2022-23521.
MINIMUM: Version = (2, 39, 1)

# The releases that fixed CVE-2025-48384 and -48385, by minor version; later ones have the fix.
FIXED: dict[tuple[int, int], int] = {
    (2, 43): 7,
    (2, 44): 4,
    (2, 45): 4,
    (2, 46): 4,
    (2, 47): 3,
    (2, 48): 2,
    (2, 49): 1,
    (2, 50): 1,
}


@cache
def version() -> Version:
    """The version of the git in PATH. Raises ConfigurationError if there is none."""
    try:
        output = subprocess.run(
            ["git", "--version"], capture_output=True, check=True, timeout=30, text=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigurationError("git is not installed, or not in PATH.") from error
    return parse_version(output)


def parse_version(text: str) -> Version:
    """`git version 2.39.5 (Apple)` -> (2, 39, 5). Raises ConfigurationError."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    if found is None:
        raise ConfigurationError("git does not say which version it is.")
    return int(found[1]), int(found[2]), int(found[3] or 0)


def check_version(found: Version | None = None) -> None:
    """Raise ConfigurationError if git (by default the installed one) is too old to be safe."""
    found = found or version()
    if found < MINIMUM:
        raise ConfigurationError(
            f"git {_dotted(found)} is too old: install {_dotted(MINIMUM)} or later."
        )


def lacks_fixes(found: Version) -> bool:
    """Whether a release of git itself lacks the fixes of 2025; distributions may add them."""
    minor = found[:2]
    return minor < min(FIXED) or found[2] < FIXED.get(minor, 0)


def _dotted(found: Version) -> str:
    return ".".join(str(part) for part in found)
