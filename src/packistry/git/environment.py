"""The environment and configuration git runs with: built from empty, nothing inherited."""

import os
from collections.abc import Mapping

# GIT_ALLOW_PROTOCOL beats every configuration; empty, it allows no transport at all.
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    # Otherwise glibc gives the heap back, and asks for it again, at each file that is zipped.
    "MALLOC_TRIM_THRESHOLD_": "16777216",
    "TZ": "UTC",
}

# Faults of old tools in the history of honest projects; they harm nobody who reads trees.
_HARMLESS = (
    "badDate",
    "badDateOverflow",
    "badEmail",
    "badName",
    "badTimezone",
    "emptyName",
    "gitmodulesParse",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "missingTaggerEntry",
    "multipleAuthors",
    "nulInCommit",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
)

# Larger blobs are streamed instead of held in memory, and packs are mapped in small pieces.
MEMORY = (
    "core.bigFileThreshold=16m",
    "core.packedGitLimit=64m",
    "core.packedGitWindowSize=8m",
)

_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    # A mirror is a cache: what a power cut breaks is cloned anew.
    "core.fsync=none",
    *MEMORY,
    "credential.helper=",
    "gc.auto=0",
    "maintenance.auto=false",
    "transfer.bundleURI=false",
    "transfer.credentialsInUrl=die",
)

# What commands that talk to a host need beside these.
TRANSFER = (
    "fetch.recurseSubmodules=false",
    "fetch.writeCommitGraph=false",
    "http.followRedirects=false",
    "http.lowSpeedLimit=1",
    "http.lowSpeedTime=120",
    "http.sslVerify=true",
    "submodule.recurse=false",
    "transfer.fsckObjects=true",
    "transfer.unpackLimit=1",
    *(f"fetch.fsck.{fault}=ignore" for fault in _HARMLESS),
)


def environment(home: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment of a git process whose home directory is `home`."""
    found = {"PATH": os.environ.get("PATH", os.defpath), "HOME": home, "XDG_CONFIG_HOME": home}
    found.update(_ENVIRONMENT)
    found.update(extra or {})
    return found


def configuration(extra: tuple[str, ...] = ()) -> list[str]:
    """The `-c` arguments of every git command; `extra` settings come last and win."""
    arguments: list[str] = []
    for setting in (*_SETTINGS, *extra):
        arguments += ["-c", setting]
    return arguments
