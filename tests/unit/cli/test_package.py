import json
import re
import subprocess
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _places(cli):
    cli.ok("repository", "add", "main")
    cli.ok("source", "add", "git", "--provider", "git")


def add(cli: Any, upstream: Any, *options: Any) -> Any:
    return cli(
        "package", "add", "--repository", "", "--source", "git", str(upstream.path), *options
    )


def imported(cli: Any, upstream: Any) -> Any:
    result = add(cli, upstream, "--wait", "--json")
    assert result.exit_code == 0, result.output


def test_an_import_that_is_not_waited_for_is_owed(cli, upstream):
    assert "is made from" in add(cli, upstream).stdout
    (facts,) = cli.json("package", "list")
    assert (facts["name"], facts["state"]) == (None, "waiting")
    assert facts["reason"] == "not imported yet"
    assert "not imported yet" in cli.ok("package", "list")


def test_one_without_versions_says_so_and_why_instead_of_ok(cli, upstream):
    upstream.git("rm", "--quiet", "composer.json")
    upstream.git("commit", "--quiet", "-m", "no manifest")
    upstream.git("tag", "-d", "v1.0.0")
    add(cli, upstream, "--wait")
    (facts,) = cli.json("package", "list")
    assert facts["state"] == "empty"
    for command in (("list",), ("show", str(facts["id"]))):
        assert "no versions yet; main: " in cli.ok("package", *command)


def test_one_without_a_branch_and_a_tag_says_so(cli, tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path / "bare")], check=True)
    arguments = ["--repository", "", "--source", "git", str(tmp_path / "bare"), "--wait"]
    cli("package", "add", *arguments)
    assert "no versions yet; The repository has no branches" in cli.ok("package", "list")


def test_a_path_without_a_repository_makes_no_package(cli, tmp_path):
    nowhere = str(tmp_path / "nowhere")
    said = cli.fails("package", "add", "--repository", "", "--source", "git", nowhere)
    assert f"There is no git repository in {nowhere}." in said
    assert cli.json("package", "list") == []


def test_a_path_outside_the_roots_is_refused_with_the_setting(cli):
    said = cli.fails("package", "add", "--repository", "", "--source", "git", "/etc")
    assert "/etc" in said
    assert "PACKISTRY_GIT_LOCAL_ROOTS" in said


def test_what_is_left_of_an_import_that_gave_no_package_can_be_taken_away(cli, upstream):
    upstream.git("rm", "--quiet", "composer.json")
    upstream.git("commit", "--quiet", "-m", "no manifest")
    upstream.git("tag", "-d", "v1.0.0")
    said = add(cli, upstream, "--wait")
    (facts,) = cli.json("package", "list")
    assert said.exit_code == 1
    assert f"packistry package remove {facts['id']}" in said.stdout


def test_a_name_that_is_not_there_is_told_with_the_list_that_has_those_that_are(cli):
    assert "`packistry package list`" in cli.fails("package", "show", "acme/none")
    assert "`packistry source list`" in cli.fails("source", "check", "nobody")
    assert "`packistry repository list`" in cli.fails("repository", "edit", "none", "--public")


def test_waiting_works_without_a_server(cli, upstream):
    imported(cli, upstream)
    (facts,) = cli.json("package", "list")
    assert (facts["name"], facts["versions"], facts["state"]) == ("acme/lib", 2, "ok")


def test_waiting_tells_the_name_and_each_ref(cli, upstream):
    (facts,) = json.loads(add(cli, upstream, "--wait", "--json").stdout)
    assert facts["name"] == "acme/lib"
    assert facts["sync"]["state"] == "done"
    assert {ref["ref"] for ref in facts["sync"]["refs"]} == {"main", "v1.0.0"}


def test_a_ref_that_is_no_version_is_told_with_its_reason(cli, upstream):
    upstream.release("v1.1.0", "{broken")
    upstream.release("v1.2.0", '{"name": "acme/lib"}')
    result = add(cli, upstream, "--wait")
    assert result.exit_code == 0
    (line,) = [line for line in result.stdout.splitlines() if "v1.1.0" in line]
    assert "skipped" in line


def test_waiting_shows_how_a_project_uses_it(cli, upstream):
    assert "composer config repositories." in add(cli, upstream, "--wait").stdout


def test_a_sync_that_fails_is_exit_code_1_with_its_reason(cli, upstream):
    (facts,) = json.loads(add(cli, upstream, "--json").stdout)
    upstream.path.rename(upstream.path.with_name("gone"))
    result = cli("package", "sync", str(facts["id"]), "--wait")
    assert result.exit_code == 1
    assert "failed" in result.stdout
    assert "packistry source edit 'git' --set KEY=VALUE" in result.stdout


def test_what_git_says_beside_the_reason_takes_no_place_in_a_list(cli, upstream):
    add(cli, upstream)
    (upstream.path / ".git" / "HEAD").write_text("nonsense")
    cli("package", "sync", "1", "--wait")
    (facts,) = cli.json("package", "list")
    assert "\n" in facts["reason"]
    assert facts["reason"].partition("\n")[0] + "\n" in cli.ok("package", "list")


def test_a_project_that_is_refused_adds_nothing(cli):
    cli.fails("package", "add", "--repository", "", "--source", "git", "ext::sh -c id")
    assert cli.json("package", "list") == []


def test_a_repository_that_is_not_there_is_told_first(cli, upstream):
    arguments = ["--repository", "nowhere", "--source", "git", str(upstream.path)]
    assert "no repository" in cli.fails("package", "add", *arguments)


def test_repository_source_and_project_must_be_said(cli):
    cli.fails("package", "add", "--source", "git", "x", code=2)
    cli.fails("package", "add", "--repository", "", "x", code=2)
    cli.fails("package", "add", "--repository", "", "--source", "git", code=2)


def test_show_tells_versions_dists_and_syncs(cli, upstream):
    imported(cli, upstream)
    facts = cli.json("package", "show", "acme/lib")
    assert {each["version"] for each in facts["version_list"]} == {"v1.0.0", "dev-main"}
    assert all(each["dist_bytes"] > 0 for each in facts["version_list"])
    assert facts["syncs"][0]["state"] == "done"


def test_show_is_readable_for_people(cli, upstream):
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"
    (upstream.path / "big.bin").write_text(pointer)
    upstream.release("v1.1.0", '{"name": "acme/lib"}')
    imported(cli, upstream)
    out = cli.ok("package", "show", "acme/lib")
    assert "acme/lib" in out
    assert "v1.1.0" in out
    assert "Git LFS files, only pointers in the dist: 1." in out


def test_a_version_is_yanked_shown_so_and_restored(cli, upstream):
    imported(cli, upstream)
    assert "is yanked" in cli.ok("package", "yank", "acme/lib", "1.0.0", "--yes")
    (shown,) = [
        each
        for each in cli.json("package", "show", "acme/lib")["version_list"]
        if each["version"] == "v1.0.0"
    ]
    assert shown["yanked_at"]
    assert re.search(r"v1\.0\.0 .* Yanked 20\d\d-", cli.ok("package", "show", "acme/lib"))
    assert "already" in cli.fails("package", "yank", "acme/lib", "v1.0.0", "--yes")
    restored = cli.json("package", "restore", "acme/lib", "v1.0.0")
    assert (restored["version"], restored["yanked_at"]) == ("v1.0.0", None)
    assert "not yanked" in cli.fails("package", "restore", "acme/lib", "v1.0.0")


def test_a_yanked_version_keeps_the_reason_until_it_is_restored(cli, upstream):
    imported(cli, upstream)
    which = ("acme/lib", "1.0.0")
    yanked = cli.json("package", "yank", *which, "--yes", "--reason", " It is broken. ")
    assert yanked["yanked_because"] == "It is broken."
    assert cli.json("package", "restore", *which)["yanked_because"] == ""
    long = cli.fails("package", "yank", *which, "--yes", "--reason", "x" * 2001)
    assert "2000" in long


def test_the_package_shows_why_a_version_was_yanked(cli, upstream):
    imported(cli, upstream)
    cli.ok("package", "yank", "acme/lib", "v1.0.0", "--yes", "--reason", "It eats data.")
    assert ": It eats data." in cli.ok("package", "show", "acme/lib")
    because = [each["yanked_because"] for each in cli.json("package", "show", "1")["version_list"]]
    assert sorted(because) == ["", "It eats data."]


def test_yanking_asks_first(cli, upstream):
    imported(cli, upstream)
    assert "--yes" in cli.fails("package", "yank", "acme/lib", "v1.0.0", code=2)
    versions = cli.json("package", "show", "acme/lib")["version_list"]
    assert [each["yanked_at"] for each in versions] == [None, None]


@pytest.mark.parametrize("version", ["9.9.9", "nonsense"])
def test_a_version_that_is_not_there_is_told_with_those_that_are(cli, upstream, version):
    imported(cli, upstream)
    said = cli.fails("package", "yank", "acme/lib", version, "--yes")
    assert f"has no version {version}. There are: v1.0.0, dev-main." in said


def test_a_new_tag_is_found_by_a_sync(cli, upstream):
    imported(cli, upstream)
    upstream.release("v2.0.0", '{"name": "acme/lib"}')
    assert "1 imported" in cli.ok("package", "sync", "acme/lib", "--wait")


def test_all_packages_are_synced(cli, upstream):
    imported(cli, upstream)
    assert "nothing had changed" in cli.ok("package", "sync", "--all", "--wait")


@pytest.mark.parametrize("arguments", [[], ["acme/lib", "--all"]])
def test_what_to_sync_must_be_clear(cli, arguments):
    cli.fails("package", "sync", *arguments, code=2)


def test_syncing_nothing_is_no_failure(cli):
    assert cli("package", "sync", "--all", "--wait").exit_code == 0


def test_a_package_is_removed_and_its_space_freed(cli, upstream):
    imported(cli, upstream)
    cli.fails("package", "remove", "acme/lib", code=2)
    cli.ok("package", "remove", "acme/lib", "--yes")
    assert cli.json("package", "list") == []
    assert cli.json("gc")["files"] > 0


def test_a_dist_for_each_version_is_verified(cli, upstream):
    imported(cli, upstream)
    facts = cli.json("gc", "--verify")
    assert (facts["verified"] > 0, facts["faults"]) == (True, [])


def test_lazy_dists_are_not_built_at_import(cli, upstream):
    add(cli, upstream, "--wait", "--dists", "lazy")
    assert cli.json("package", "list")[0]["dists"] == 0


def test_a_package_is_granted_and_named_by_token(cli, upstream):
    imported(cli, upstream)
    cli.ok("user", "add", "jo@x.org")
    cli.ok("grant", "--user", "jo@x.org", "--package", "acme/lib")
    cli.ok("token", "add", "ci", "--deploy", "--package", "acme/lib")


def test_what_becomes_versions_is_said_and_shown(cli, upstream):
    upstream.git("branch", "feature")
    add(cli, upstream, "--wait", "--branches", "main", "--exclude-tags", "*-rc*")
    facts = cli.json("package", "show", "acme/lib")
    assert {each["version"] for each in facts["version_list"]} == {"v1.0.0", "dev-main"}
    cli.ok("source", "edit", "git", "--tags", "v2*")
    cli.ok("package", "edit", "acme/lib", "--exclude-tags", "inherit")
    shown = cli.ok("package", "show", "acme/lib")
    assert re.search(r"Branches: +main\n", shown)
    assert re.search(r"Tags: +v2\* \(as its source says\)", shown)
    error = cli("package", "edit", "acme/lib", "--branches", "").stderr
    assert "leaves none of its 3 branches and tags" in error
    assert "leaves none" in cli.ok("package", "show", "acme/lib")
    assert "leaves no branch" in cli.ok("package", "sync", "acme/lib", "--wait")


def test_a_pattern_that_cannot_be_is_one_sentence(cli, upstream):
    add(cli, upstream)
    assert "no branch or tag has a space" in cli.fails("package", "edit", "1", "--tags", "a b")
    cli.fails("package", "edit", "1", "--tags", "inherit", "--tags", "x", code=2)


def test_one_goes_on_under_another_name_and_another_is_moved(cli, upstream):
    imported(cli, upstream)
    cli.ok("repository", "add", "team", "--path", "team")
    name = cli.json("package", "list")[0]["name"]
    assert "is abandoned in favour of it" in cli.ok("package", "rename", name, "acme/renamed")
    assert cli.json("package", "show", name)["abandoned"] == "acme/renamed"
    cli.fails("package", "rename", name, "Not a name")
    cli.fails("package", "rename", name, "acme/renamed")
    moved = cli.ok("package", "move", "acme/renamed", "--to", "team", "--yes")
    assert 'acme/renamed is in "team" now.' in moved
    assert cli.json("package", "list", "--repository", "team")[0]["name"] == "acme/renamed"
