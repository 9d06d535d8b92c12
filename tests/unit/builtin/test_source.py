from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from packistry.builtin.source import Git, GitConfig
from packistry.plugin import (
    ConfigError,
    GitPolicy,
    NotFound,
    Project,
    RefKind,
    RefusedRef,
    Unavailable,
    UnsafeContent,
    form_fields,
    load_config,
    split_secrets,
)
from packistry.testing import FakeHost, SourceProviderContract
from tests.unit.git.upstream import Upstream

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----"
HOSTS = "forge.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE"


def git(config: dict[str, object] | None = None, *roots: Path) -> Git:
    provider = Git(load_config(GitConfig, config or {}), FakeHost().client())
    provider.git_policy = GitPolicy(local_roots=roots, timeout=60, lock_timeout=10)
    return provider


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    upstream = Upstream(tmp_path / "acme" / "lib.git")
    first = upstream.commit(
        {"composer.json": '{"name": "acme/lib"}', "README.md": "# Lib", "src/A.php": "<?php"},
        links={"current": "src"},
    )
    upstream.annotated("v1.0", first)
    upstream.commit({"composer.json": '{"name": "acme/lib"}', "sub/composer.json": "{}"})
    upstream.commit({"notes.txt": "no manifest"}, branch="feature/#1")
    upstream.ref(b"refs/heads/latin-\xe9", first)
    upstream.ref("refs/pull/1/head", first)
    return upstream


@pytest.fixture
def provider(tmp_path: Path) -> Git:
    return git({}, tmp_path)


@pytest.fixture
def project(provider: Git, upstream: Upstream) -> Project:
    return provider.project(str(upstream.path))


class TestGit(SourceProviderContract):
    @pytest.fixture
    def provider(self, tmp_path: Path) -> Git:
        return git({}, tmp_path)

    @pytest.fixture
    def project(self, provider: Git, upstream: Upstream) -> Project:
        return provider.project(str(upstream.path))

    @pytest.fixture
    def expected_refs(self) -> Mapping[str, set[str]]:
        return {"branch": {"main", "feature/#1", "latin-\\xe9"}, "tag": {"v1.0"}}

    @pytest.fixture
    def missing_id(self, tmp_path: Path) -> str:
        return str(tmp_path / "missing.git")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    path = tmp_path / "workspace"
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("typed", "stored", "path"),
    [
        (
            "https://Forge.Example:443/acme/lib.git",
            "https://forge.example/acme/lib.git",
            "acme/lib",
        ),
        ("https://forge.example/acme/lib/", "https://forge.example/acme/lib", "acme/lib"),
        ("https://ada@forge.example/acme/lib", "https://forge.example/acme/lib", "acme/lib"),
        ("ssh://git@forge.example:22/acme/lib", "ssh://git@forge.example/acme/lib", "acme/lib"),
        ("git@forge.example:acme/lib.git", "git@forge.example:acme/lib.git", "acme/lib"),
        (" https://forge.example/a ", "https://forge.example/a", "a"),
    ],
)
def test_a_url_is_stored_in_one_spelling(typed: str, stored: str, path: str) -> None:
    project = git().project(typed)
    assert (project.id, project.path, project.clone_url) == (stored, path, stored)
    assert git().project(project.id) == project


def test_a_web_address_leads_to_the_page_of_the_repository() -> None:
    assert git().project("https://forge.example/a/b.git").web_url == "https://forge.example/a/b"
    assert git().project("git@forge.example:a/b.git").web_url == ""


def test_a_local_path_is_given_to_nobody(project: Project, upstream: Upstream) -> None:
    assert (project.id, project.path) == (str(upstream.path), "lib")
    assert (project.web_url, project.clone_url) == ("", "")


def test_a_local_path_may_be_a_file_url(provider: Git, upstream: Upstream) -> None:
    assert provider.project(upstream.url).id == str(upstream.path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "--upload-pack=touch x",
        "-x",
        "ext::sh -c whoami",
        "ext::whoami",
        "fd::17",
        "git://forge.example/a",
        "http://forge.example/a",
        "ftp://forge.example/a",
        "file:///etc",
        "/etc",
        "./a",
        "~/a",
        "acme/lib",
        "https://forge.example/a?b=c",
        "https://forge.example/a%0ab",
        "https://-x/a",
        "ssh://-oProxyCommand=x/a",
        "https://ada:hunter2@forge.example/a",
        "https://forge.example/" + "a" * 5000,
        "https://forge.example/" + "a" * 600,
    ],
)
def test_an_address_git_must_not_contact_is_refused(url: str) -> None:
    with pytest.raises((ConfigError, NotFound)) as caught:
        git().project(url)
    assert "hunter2" not in str(caught.value)


def test_a_source_with_a_base_url_is_for_what_is_below_it() -> None:
    provider = git({"url": "https://forge.example/acme/", "password": "t"})
    provider.check()
    assert provider.project("https://forge.example/acme/lib").path == "acme/lib"
    assert provider.project("lib.git").id == "https://forge.example/acme/lib.git"
    for other in (
        "https://evil.example/acme/lib",
        "https://forge.example/acmeevil/lib",
        "https://forge.example/acme/../evil/lib",
        "https://forge.example/acme/%2E%2e/evil/lib",
        "ssh://git@forge.example/acme/lib",
        "../evil",
    ):
        with pytest.raises(ConfigError):
            provider.project(other)


def test_a_base_url_may_be_an_ssh_address() -> None:
    provider = git({"url": "git@forge.example:acme"})
    assert provider.project("lib.git").id == "git@forge.example:acme/lib.git"


def test_the_credentials_are_for_the_projects_place_only() -> None:
    provider = git({"url": "https://forge.example/", "username": "ada", "password": "hunter2"})
    remote = provider.remote(provider.project("acme/lib"))
    assert remote.url == "https://forge.example/acme/lib"
    assert (remote.username, remote.password) == ("ada", "hunter2")
    with pytest.raises(ConfigError):
        provider.remote(Project(id="https://evil.example/acme/lib", path="acme/lib"))


def test_what_became_forbidden_is_no_longer_opened(
    project: Project, workspace: Path, upstream: Upstream
) -> None:
    with pytest.raises(ConfigError), git().open(project, workspace):
        pass
    assert upstream.path.is_dir()
    assert list(workspace.iterdir()) == []


def test_a_base_url_that_is_not_allowed_fails_the_check() -> None:
    with pytest.raises(ConfigError):
        git({"url": "http://forge.example"}).check()


def test_git_cannot_list_projects(provider: Git) -> None:
    assert list(provider.projects("lib")) == []


def test_secrets_from_a_file_lose_the_line_end_nobody_typed() -> None:
    config = load_config(GitConfig, {"password": "t0ken\r\n"})
    assert config.password.get_secret_value() == "t0ken"


def test_a_key_keeps_exactly_one_line_end() -> None:
    given = {"ssh_key": KEY.replace("\n", "\r\n") + "\n\n", "known_hosts": HOSTS}
    assert load_config(GitConfig, given).ssh_key.get_secret_value() == KEY + "\n"


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"password": "two\nlines"}, "password", "one line"),
        ({"username": "two\nlines"}, "username", "one line"),
        ({"ssh_key": "ssh-ed25519 AAAA", "known_hosts": HOSTS}, "ssh_key", "-----BEGIN"),
        (
            {"ssh_key": KEY.replace("b3", "ENCRYPTED"), "known_hosts": HOSTS},
            "ssh_key",
            "passphrase",
        ),
        ({"ssh_key": KEY}, "", "ssh-keyscan"),
    ],
)
def test_what_cannot_work_is_said_at_once(
    values: dict[str, object], field: str, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(GitConfig, values)
    assert words in caught.value.fields[field]


def test_what_opens_a_repository_is_secret() -> None:
    kinds = {field.name: field.kind for field in form_fields(GitConfig)}
    assert kinds["password"] == kinds["ssh_key"] == "secret"
    _, secrets = split_secrets(GitConfig(password=SecretStr("a"), url="https://x.example"))
    assert secrets == {"password": "a"}


def test_only_branches_and_tags_are_refs(provider: Git, project: Project, workspace: Path) -> None:
    with provider.open(project, workspace) as snapshot:
        refs = list(snapshot.refs())
    assert "pull/1/head" not in {ref.name for ref in refs}
    assert [ref.name for ref in refs if isinstance(ref, RefusedRef)] == ["latin-\\xe9"]


def test_a_sub_directory_is_a_package_of_its_own(
    provider: Git, project: Project, workspace: Path
) -> None:
    with provider.open(project, workspace) as snapshot:
        main = next(ref for ref in snapshot.refs() if ref.name == "main")
        assert not isinstance(main, RefusedRef)
        assert snapshot.manifest(main, "sub") == b"{}"
        assert snapshot.default_branch == "main"


def test_the_mirror_is_kept_in_the_workspace(
    provider: Git, project: Project, workspace: Path
) -> None:
    with provider.open(project, workspace):
        assert (workspace / "mirror.git").is_dir()


def test_a_link_out_of_the_tree_is_unsafe_content(
    provider: Git, upstream: Upstream, workspace: Path
) -> None:
    upstream.commit({"composer.json": "{}"}, branch="evil", links={"link": "../../etc/passwd"})
    with provider.open(provider.project(str(upstream.path)), workspace) as snapshot:
        evil = next(ref for ref in snapshot.refs() if ref.name == "evil")
        assert not isinstance(evil, RefusedRef)
        with pytest.raises(UnsafeContent, match="link"), snapshot.archive(evil, prefix="acme-lib"):
            pass


def test_a_tree_that_is_too_large_is_a_fault_of_its_ref(
    provider: Git, project: Project, workspace: Path
) -> None:
    provider.git_policy = GitPolicy(local_roots=provider.git_policy.local_roots, max_files=1)
    with provider.open(project, workspace) as snapshot:
        main = next(ref for ref in snapshot.refs() if ref.name == "main")
        assert not isinstance(main, RefusedRef)
        with pytest.raises(UnsafeContent), snapshot.archive(main, prefix="acme-lib"):
            pass


def test_submodules_and_lfs_pointers_are_told(
    provider: Git, upstream: Upstream, workspace: Path
) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 1\n"
    upstream.commit(
        {"composer.json": "{}", "big.bin": pointer}, branch="odd", submodules={"vendor/x": "1" * 40}
    )
    with provider.open(provider.project(str(upstream.path)), workspace) as snapshot:
        refs = {ref.name: ref for ref in snapshot.refs() if not isinstance(ref, RefusedRef)}
        assert len(snapshot.notices(refs["odd"])) == 2
        assert snapshot.notices(refs["main"]) == ()
        assert refs["odd"].kind is RefKind.BRANCH


def test_two_who_open_one_workspace_take_turns(
    provider: Git, project: Project, workspace: Path
) -> None:
    other = git({}, *provider.git_policy.local_roots)
    other.git_policy = GitPolicy(local_roots=provider.git_policy.local_roots, lock_timeout=0.05)
    with (
        provider.open(project, workspace),
        pytest.raises(Unavailable, match="still running"),
        other.open(project, workspace),
    ):
        pass
    with other.open(project, workspace) as snapshot:
        assert snapshot.default_branch == "main"
