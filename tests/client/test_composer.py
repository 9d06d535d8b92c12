"""What people do with `composer`, done with the real one against a real server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import Site
from tests.repositories import GitRepository


def library(site: Site, name: str = "acme/lib", **manifest: object) -> GitRepository:
    """A library with two releases and a development branch."""
    upstream = site.upstream(name)
    for number in ("1.0.0", "1.1.0"):
        upstream.commit(
            {"name": name, "description": "A library", **manifest},
            files={"src/Lib.php": f"<?php // {number}\n"},
        )
        upstream.tag(f"v{number}", annotated=True)
    upstream.commit(files={"src/Lib.php": "<?php // next\n"})
    return upstream


def installed(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def public(site: Site) -> Site:
    site.run("repository", "add", "Main", "--public")
    return site


@pytest.fixture
def private(site: Site) -> Site:
    site.run("repository", "add", "Main")
    return site


def test_require_installs_what_git_archive_gives(public: Site) -> None:
    upstream = library(public)
    public.add(upstream)
    client = public.project()
    client.run("require", "acme/lib")
    assert client.lock()["acme/lib"]["version"] == "v1.1.0"
    assert installed(client.vendor("acme/lib")) == upstream.archive("v1.1.0")


def test_a_development_branch_installs_at_its_commit(public: Site) -> None:
    upstream = library(public)
    public.add(upstream)
    client = public.project()
    client.run("require", "acme/lib:dev-main")
    assert client.lock()["acme/lib"]["dist"]["reference"] == upstream.head()
    assert installed(client.vendor("acme/lib")) == upstream.archive("main")


def test_odd_content_installs_as_git_archive_gives_it(public: Site) -> None:
    upstream = public.upstream("odd")
    upstream.commit(
        {"name": "acme/odd"},
        files={
            "naïve/Größe.php": "<?php\n",
            "docs/left-out.md": "x",
            ".gitattributes": "/docs export-ignore\nsubst.txt export-subst\n",
            "bin/run": "#!/bin/sh\n",
            "subst.txt": "$Format:%H$\n",
        },
        links={"link.php": "naïve/Größe.php"},
    )
    upstream.git("update-index", "--chmod=+x", "bin/run")
    upstream.git("commit", "--quiet", "--message", "Executable")
    upstream.tag("1.0.0")
    public.add(upstream)
    client = public.project()
    client.run("require", "acme/odd")
    tree = client.vendor("acme/odd")
    assert (tree / "link.php").is_symlink()
    assert (tree / "bin/run").stat().st_mode & 0o111
    assert not (tree / "docs").exists()
    # export-subst would make the bytes depend on the day: the text stays as it was committed.
    assert (tree / "subst.txt").read_text() == "$Format:%H$\n"
    assert (tree / "naïve/Größe.php").read_text() == "<?php\n"


def test_a_second_update_is_all_304_and_downloads_nothing(public: Site) -> None:
    public.add(library(public), library(public, "acme/other"))
    client = public.project(require={"acme/lib": "^1.0", "acme/other": "dev-main"})
    client.run("update")
    public.recorder.take()
    client.run("update")
    exchanges = public.recorder.take()
    assert {exchange.status for exchange in exchanges} == {304}
    assert len(exchanges) == 4


def test_a_project_of_foreign_packages_costs_one_request(public: Site) -> None:
    public.add(library(public))
    foreign = public.folder / "foreign"
    foreign.mkdir()
    packages = {
        f"foreign/p{number}": {
            "1.0.0": {"name": f"foreign/p{number}", "version": "1.0.0", "type": "metapackage"}
        }
        for number in range(40)
    }
    (foreign / "packages.json").write_text(json.dumps({"packages": packages}))
    client = public.project(
        public.url, f"file://{foreign}", require=dict.fromkeys(packages, "^1.0")
    )
    client.run("update")
    assert [exchange.path for exchange in public.recorder.take()] == ["/packages.json"]


def test_an_old_lock_installs_after_the_branch_moved_and_the_tag_was_deleted(public: Site) -> None:
    upstream = library(public)
    other = library(public, "acme/other")
    public.add(upstream, other)
    client = public.project()
    client.run("require", "acme/lib:dev-main", "acme/other:1.1.0")
    before = {name: installed(client.vendor(name)) for name in ("acme/lib", "acme/other")}

    upstream.force_push({"name": "acme/lib"}, files={"src/Lib.php": "<?php // rewritten\n"})
    other.delete_tag("v1.1.0")
    public.sync()

    fresh = public.project()
    for name in ("composer.json", "composer.lock"):
        (fresh.folder / name).write_bytes((client.folder / name).read_bytes())
    fresh.run("install")
    assert {name: installed(fresh.vendor(name)) for name in before} == before
    assert "1.1.0" not in fresh.run("show", "--available", "acme/other", "--all")


def test_a_tag_pushed_again_is_held_and_old_locks_install(public: Site) -> None:
    upstream = library(public)
    public.add(upstream)
    client = public.project()
    client.run("require", "acme/lib:1.1.0")
    reference = client.lock()["acme/lib"]["dist"]["reference"]
    upstream.commit(files={"src/Lib.php": "<?php // evil\n"})
    upstream.tag("v1.1.0")
    public.sync()
    fresh = public.project()
    fresh.run("require", "acme/lib:1.1.0")
    assert fresh.lock()["acme/lib"]["dist"]["reference"] == reference


def test_a_tag_pushed_again_moves_where_the_repository_follows(site: Site) -> None:
    site.run("repository", "add", "Main", "--public", "--tag-policy", "follow")
    upstream = library(site)
    site.add(upstream)
    old = site.project()
    old.run("require", "acme/lib:1.1.0")
    before = installed(old.vendor("acme/lib"))
    moved = upstream.commit(files={"src/Lib.php": "<?php // fixed\n"})
    upstream.tag("v1.1.0")
    site.sync()
    fresh = site.project()
    fresh.run("require", "acme/lib:1.1.0")
    assert fresh.lock()["acme/lib"]["dist"]["reference"] == moved

    again = site.project()
    for name in ("composer.json", "composer.lock"):
        (again.folder / name).write_bytes((old.folder / name).read_bytes())
    again.run("install")
    assert installed(again.vendor("acme/lib")) == before


def test_a_lazy_dist_is_built_at_its_first_download(public: Site) -> None:
    upstream = library(public)
    public.add(upstream, dists="lazy")
    client = public.project()
    client.run("require", "acme/lib:1.0.0")
    assert installed(client.vendor("acme/lib")) == upstream.archive("v1.0.0")


def test_search_show_and_create_project(public: Site) -> None:
    """Statement 61."""
    public.add(library(public, type="project", keywords=["logging"]))
    client = public.project()
    assert "acme/lib" in client.run("search", "logging")
    assert "acme/lib" in client.run("search", "--only-name", "acme")
    assert "No results" not in client.run("search", "--type", "project", "lib")
    shown = client.run("show", "--available", "acme/lib")
    assert "v1.1.0" in shown
    assert "v1.0.0" in shown
    assert "dev-main" in shown
    client.run(
        "create-project",
        "acme/lib",
        "made",
        "1.0.0",
        f'--repository={{"type":"composer","url":"{public.url}"}}',
        "--no-secure-http",
    )
    assert (client.folder / "made/src/Lib.php").read_text() == "<?php // 1.0.0\n"


def test_outdated_and_audit_work(public: Site) -> None:
    """Statement 61."""
    public.add(library(public))
    client = public.project(require={"acme/lib": "1.0.0"})
    client.run("update")
    assert "1.1.0" in client.run("outdated", "--all")
    client.run("audit")


def test_two_packages_of_one_repository(public: Site) -> None:
    upstream = public.upstream("mono")
    upstream.commit({"name": "acme/a"}, folder="packages/a", files={"packages/a/a.php": "<?php\n"})
    upstream.commit({"name": "acme/b"}, folder="packages/b", files={"packages/b/b.php": "<?php\n"})
    upstream.tag("2.0.0")
    public.add(upstream, subdirectory="packages/a")
    public.add(upstream, subdirectory="packages/b")
    client = public.project()
    client.run("require", "acme/a", "acme/b")
    assert installed(client.vendor("acme/b")) == upstream.archive("2.0.0", "packages/b")


Credentials = Callable[[str, str], dict[str, Any]]

FORMS: dict[str, Credentials] = {
    "bearer": lambda origin, token: {"bearer": {origin: token}},
    "token as password": lambda origin, token: {
        "http-basic": {origin: {"username": "anyone", "password": token}}
    },
    "token as user name": lambda origin, token: {
        "http-basic": {origin: {"username": token, "password": ""}}
    },
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["deploy", "personal"])
def test_a_private_package_installs_with_each_form_of_credential(
    private: Site, form: str, kind: str
) -> None:
    private.add(library(private))
    if kind == "deploy":
        token = private.installation.token("ci", "--deploy", "--repository", "")
    else:
        private.run(
            "user", "add", "ada@example.org", "--name", "Ada", "--role", "user",
            "--password-stdin", stdin="a long enough passphrase\n",
        )  # fmt: skip
        private.run("grant", "--user", "ada@example.org", "--repository", "", "--read")
        token = private.installation.token("laptop", "--user", "ada@example.org")
    client = private.project()
    client.run("require", "acme/lib", auth=FORMS[form](private.origin, token))
    assert client.vendor("acme/lib").is_dir()
    # The same credentials work where the lock file is installed from nothing.
    notified = [each for each in private.recorder.take() if each.method == "POST"]
    assert [each.status // 100 for each in notified] == [2]


def test_without_credentials_composer_says_that_they_are_required(private: Site) -> None:
    private.add(library(private))
    said = private.project().run("require", "acme/lib", fails=True)
    assert "required authentication" in said or "401" in said


def test_a_revoked_token_is_told_so_and_installs_nothing(private: Site) -> None:
    private.add(library(private))
    token = private.installation.token("ci", "--deploy", "--repository", "")
    auth = {"bearer": {private.origin: token}}
    client = private.project()
    client.run("require", "acme/lib", auth=auth)
    private.run("token", "revoke", "ci", "--yes")
    fresh = private.project()
    for name in ("composer.json", "composer.lock"):
        (fresh.folder / name).write_bytes((client.folder / name).read_bytes())
    said = fresh.run("install", auth=auth, fails=True)
    assert "revoked" in said


def test_a_package_token_opens_that_package_only(private: Site) -> None:
    private.add(library(private), library(private, "acme/secret"))
    token = private.installation.token("ci", "--deploy", "--package", "acme/lib")
    auth = {"bearer": {private.origin: token}}
    client = private.project()
    client.run("require", "acme/lib", auth=auth)
    said = client.run("require", "acme/secret", auth=auth, fails=True)
    assert "Could not find" in said


def look_alikes(folder: Path, *names: str) -> str:
    """Somebody else's repository that offers packages of these names, and newer ones."""
    folder.mkdir()
    packages = {
        name: {"9.9.9": {"name": name, "version": "9.9.9", "type": "metapackage"}} for name in names
    }
    (folder / "packages.json").write_text(json.dumps({"packages": packages}))
    return f"file://{folder}"


def test_names_it_has_come_from_here_and_others_fall_through(public: Site) -> None:
    """Statement 62."""
    public.add(library(public))
    other = look_alikes(public.folder / "other", "acme/lib", "public/thing")
    client = public.project(public.url, other, require={"acme/lib": "*", "public/thing": "*"})
    client.run("update")
    assert client.lock()["acme/lib"]["version"] == "v1.1.0"
    assert client.lock()["public/thing"]["version"] == "9.9.9"


def test_a_look_alike_below_a_reserved_vendor_is_never_taken(site: Site) -> None:
    site.run("repository", "add", "Main", "--public", "--reserve", "acme")
    site.add(library(site))
    other = look_alikes(site.folder / "other", "acme/lib", "acme/new", "public/thing")
    client = site.project(site.url, other)
    said = client.run("require", "acme/new", fails=True)
    assert "9.9.9" not in said.replace("acme/new 9.9.9", "")
    client.run("require", "acme/lib", "public/thing")
    assert client.lock()["acme/lib"]["version"] == "v1.1.0"


def test_a_sub_repository_lives_below_r(site: Site) -> None:
    site.run("repository", "add", "Team", "--path", "team", "--public")
    site.add(library(site), repository="team")
    client = site.project(f"{site.url}/r/team")
    client.run("require", "acme/lib")
    assert client.vendor("acme/lib").is_dir()


def test_a_branch_named_like_an_option_imports_and_writes_no_file(public: Site) -> None:
    upstream = library(public)
    upstream.update_ref("refs/heads/--output=x", upstream.head())
    public.add(upstream)
    assert "dev---output=x" in public.project().run("show", "--available", "acme/lib")
    assert not list(public.folder.rglob("x"))
