import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from packistry.git import Mirror
from packistry.git.command import CommandFailed, Git
from packistry.git.environment import environment
from packistry.git.process import Limits
from tests.unit.git.upstream import Upstream

LIMITS = Limits(seconds=20, file_bytes=1024 * 1024)


@pytest.fixture
def hostile_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An operator's home whose configuration leaves a mark wherever it is obeyed."""
    home = tmp_path / "home"
    mark = home / "mark"
    hooks = home / "hooks"
    hooks.mkdir(parents=True)
    for hook in ("reference-transaction", "post-merge", "post-checkout", "pre-auto-gc"):
        (hooks / hook).write_text(f"#!/bin/sh\ntouch {mark}\n")
        (hooks / hook).chmod(0o755)
    (home / ".gitconfig").write_text(
        f"""
[filter "evil"]
    smudge = "touch {mark}; cat"
    clean = "touch {mark}; cat"
    required = true
[core]
    hooksPath = {hooks}
    fsmonitor = "touch {mark}"
    attributesFile = {home}/attributes
    sshCommand = "touch {mark}"
[credential]
    helper = "!touch {mark};"
[url "ext::touch {mark} #"]
    insteadOf = file://
[protocol]
    allow = always
"""
    )
    (home / "attributes").write_text("* export-ignore filter=evil\n")
    trace = str(home / "trace")
    for name, value in {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_TRACE": trace,
        "GIT_TRACE_CURL": trace,
        "GIT_DIR": str(home),
        "GIT_ASKPASS": f"touch {mark}",
        "GIT_EXTERNAL_DIFF": f"touch {mark}",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "filter.evil.smudge",
        "GIT_CONFIG_VALUE_0": f"touch {mark}; cat",
    }.items():
        monkeypatch.setenv(name, value)
    return home


def test_a_smudge_filter_an_insteadof_and_a_credential_helper_have_no_effect_on_a_sync(
    upstream: Upstream, mirror: Mirror, hostile_home: Path
) -> None:
    commit = upstream.commit({".gitattributes": "* filter=evil ident\n", "a": "$Id$"})
    mirror.sync()
    with mirror.archive(commit, prefix="p") as stream:
        assert zipfile.ZipFile(stream).read("p/a") == b"$Id$"
    assert not (hostile_home / "mark").exists()
    assert not (hostile_home / "trace").exists()


def test_configuration_of_a_repository_above_the_mirrors_is_not_read(
    upstream: Upstream, mirror: Mirror, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    with (tmp_path / ".git" / "config").open("a") as config:
        config.write(f'[url "ext::touch {mark} #"]\n\tinsteadOf = file://\n')
    upstream.commit({"a": "1"})
    mirror.sync()
    assert [ref.name for ref in mirror.refs()] == ["main"]
    assert not mark.exists()


@pytest.mark.parametrize("url", ["ext::touch x", "fd::0", "file:///", "git://localhost/x", "/"])
def test_git_itself_refuses_transports_that_are_not_allowed(tmp_path: Path, url: str) -> None:
    git = Git(directory=tmp_path, variables={"GIT_ALLOW_PROTOCOL": "https"})
    settings = ["-c", "protocol.allow=always", "-c", "protocol.ext.allow=always"]
    with pytest.raises(CommandFailed, match="not allowed"):
        git.output([*settings, "ls-remote", "--", url], LIMITS)
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_the_environment_but_the_search_path_is_handed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "environ", {"PATH": "/bin", "PACKISTRY_SECRET_KEY": "s", "LANG": "x"})
    found = environment("/tmp/home")
    assert found["PATH"] == "/bin"
    assert found["HOME"] == "/tmp/home"
    assert not {"PACKISTRY_SECRET_KEY", "LANG"} & found.keys()


def test_a_password_in_a_url_stops_git_itself(tmp_path: Path) -> None:
    git = Git(directory=tmp_path, variables={"GIT_ALLOW_PROTOCOL": "https"})
    url = "https://user:pass1234@127.0.0.1:1/x"
    with pytest.raises(CommandFailed, match="plaintext credentials") as caught:
        git.output(["clone", "--bare", "--", url, "x"], LIMITS)
    assert "pass1234" not in caught.value.stderr
