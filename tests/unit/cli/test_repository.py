import pytest


def test_a_repository_without_a_path_is_the_root(cli):
    facts = cli.json("repository", "add", "main")
    assert (facts["path"], facts["url"]) == ("", "https://packages.test")


def test_adding_shows_how_a_project_uses_it(cli):
    out = cli.ok("repository", "add", "team", "--path", "team-a")
    assert "composer config repositories.team-a composer https://packages.test/r/team-a" in out


def test_reserved_vendors_are_kept_away_from_packagist(cli):
    facts = cli.json("repository", "add", "main", "--reserve", "acme", "--reserve", "beta")
    assert facts["reserved_vendors"] == ["acme", "beta"]
    assert '"exclude": ["acme/*", "beta/*"]' in facts["composer"][-1]


def test_a_list_for_people_is_aligned(cli):
    cli.ok("repository", "add", "main", "--public")
    cli.ok("repository", "add", "a longer name", "--path", "team")
    header, first, second = cli.ok("repository", "list").splitlines()
    columns = {line.index(word) for line, word in ((header, "Path"), (first, "(root)"))}
    assert columns == {second.index("team")}


def test_an_empty_list_says_what_to_do(cli):
    result = cli("repository", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "packistry repository add NAME" in result.stderr


def test_an_empty_list_is_a_json_document(cli):
    assert cli.json("repository", "list") == []


@pytest.mark.parametrize("root", ["", "/"])
def test_the_root_is_named_by_nothing_or_a_slash(cli, root):
    cli.ok("repository", "add", "main")
    cli.ok("repository", "edit", root, "--public", "--description", "For all")
    (facts,) = cli.json("repository", "list")
    assert (facts["public"], facts["description"]) == (True, "For all")


def test_vendors_are_reserved_and_released(cli):
    cli.ok("repository", "add", "main", "--reserve", "acme")
    cli.ok("repository", "edit", "", "--reserve", "beta", "--release", "acme")
    assert cli.json("repository", "list")[0]["reserved_vendors"] == ["beta"]


def test_an_edit_keeps_what_is_not_said(cli):
    cli.ok("repository", "add", "main", "--public", "--tag-policy", "follow")
    cli.ok("repository", "edit", "", "--name", "other")
    (facts,) = cli.json("repository", "list")
    assert (facts["name"], facts["public"], facts["tag_policy"]) == ("other", True, "follow")


def test_another_path_is_another_address(cli):
    cli.ok("repository", "add", "main")
    assert "tell every project" in cli.ok("repository", "edit", "", "--path", "new")
    assert cli.json("repository", "list")[0]["url"] == "https://packages.test/r/new"


def test_a_taken_name_is_one_sentence(cli):
    cli.ok("repository", "add", "main")
    error = cli.fails("repository", "add", "main", "--path", "b")
    assert error == 'Error: There is a repository called "main" already.\n'


def test_a_bad_path_is_one_sentence(cli):
    assert cli.fails("repository", "add", "main", "--path", "A/B").startswith("Error: Path: a path")


def test_an_unknown_option_is_a_wrong_command_line(cli):
    cli.fails("repository", "add", "main", "--colour", "red", code=2)


def test_removing_needs_yes_where_nobody_can_be_asked(cli):
    cli.ok("repository", "add", "main")
    assert "--yes" in cli.fails("repository", "remove", "", code=2)
    assert len(cli.json("repository", "list")) == 1


def test_removing_with_yes(cli):
    cli.ok("repository", "add", "main")
    cli.ok("repository", "remove", "", "--yes")
    assert cli.json("repository", "list") == []


def test_removing_what_is_not_there_fails(cli):
    assert "no repository" in cli.fails("repository", "remove", "x", "--yes")
