"""The machine: installed software, folders, space, keys."""

import os
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import version as installed
from pathlib import Path

from packistry.errors import ConfigurationError
from packistry.git.version import MINIMUM, check_version, lacks_fixes, version
from packistry.services.doctor.finding import Finding, Patient, error, ok, warning
from packistry.services.secrets import KEY_FILE, load_keys

MIB = 1024 * 1024
LITTLE_SPACE = 2048 * MIB
NO_SPACE = 256 * MIB
OTHERS = 0o077

# The first releases without known holes that we are exposed to.
FLOORS = {
    "pyramid": (2, 0, 2),
    "requests": (2, 32, 4),
    "waitress": (3, 0, 1),
    "webob": (1, 8, 11),
}


def software(_patient: Patient) -> Iterator[Finding]:
    """Python and the libraries that face the network."""
    old = False
    for name, floor in FLOORS.items():
        found = installed(name)
        if _numbers(found) < floor:
            old = True
            yield error(
                f"{name} {found} has known security holes.",
                f"Install {name} {'.'.join(map(str, floor))} or later.",
            )
    if sys.flags.dev_mode:
        yield warning("Python runs in development mode.", "Unset PYTHONDEVMODE.")
    if not old:
        yield ok(f"Python {sys.version.split()[0]} and libraries without known holes.")


def account(_patient: Patient) -> Iterator[Finding]:
    """Who runs us."""
    if os.geteuid() == 0:
        yield warning(
            "This runs as root.",
            "Run Packistry as a user of its own who owns the data directory and nothing else.",
        )
    else:
        yield ok("This does not run as root.")


def data_directory(patient: Patient) -> Iterator[Finding]:
    """Whether we can write to the data directory and others cannot read it."""
    root = patient.settings.root
    if not root.exists():
        yield warning(
            f"The data directory {root} does not exist yet.",
            "It is made at the first start. If it should be there, set PACKISTRY_DATA_DIR.",
        )
        return
    if not root.is_dir() or not os.access(root, os.R_OK | os.W_OK | os.X_OK):
        yield error(
            f"The data directory {root} cannot be written to.",
            f"Make it a folder that belongs to the user who runs Packistry: chown -R … {root}",
        )
        return
    if root.stat().st_mode & OTHERS:
        yield error(
            f"Other users of this machine can enter the data directory {root}.", f"chmod 700 {root}"
        )
        return
    yield ok(f"The data directory {root} is writable and private.")


def disk_space(patient: Patient) -> Iterator[Finding]:
    """Whether there is room for mirrors and dists."""
    free = shutil.disk_usage(_existing(patient.settings.root)).free
    size = f"{free // MIB} MiB are free in the data directory's file system."
    if free < NO_SPACE:
        yield error(size, "Make room: imports fail and SQLite may stop writing.")
    elif free < LITTLE_SPACE:
        yield warning(size, "Make room, or run `packistry gc`.")
    else:
        yield ok(size)


def git(_patient: Patient) -> Iterator[Finding]:
    """Whether git is there and safe."""
    try:
        check_version()
    except ConfigurationError as fault:
        least = ".".join(map(str, MINIMUM))
        yield error(str(fault), f"Install git {least} or later where Packistry runs.")
        return
    found = version()
    name = ".".join(map(str, found))
    if lacks_fixes(found):
        yield warning(
            f"git {name} as released lacks security fixes of 2025.",
            "Install your distribution's latest git; if it says that it holds the fixes of "
            "CVE-2025-48384, all is well.",
        )
    else:
        yield ok(f"git {name} is installed.")


def key(patient: Patient) -> Iterator[Finding]:
    """Whether the key that stored secrets are encrypted with is there and private."""
    setting = patient.settings.secret_key.get_secret_value()
    path = patient.settings.root / KEY_FILE
    if setting:
        load_keys(setting, patient.settings.root)
        yield ok("The key for stored secrets comes from PACKISTRY_SECRET_KEY.")
    elif not path.exists():
        yield warning(
            f"There is no key file {path} yet.",
            "It is made at the first start. If secrets were stored before, put the file back.",
        )
    elif path.stat().st_mode & OTHERS:
        yield error(
            f"Other users of this machine can read the key file {path}.",
            f"chmod 600 {path}, then run `packistry secrets rotate --new-key`.",
        )
    else:
        load_keys("", patient.settings.root)
        yield ok(f"The key file {path} is private.")


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:3] if part.isdigit())
