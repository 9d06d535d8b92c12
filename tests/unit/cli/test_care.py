import json
import re
import shutil
import stat
from typing import Any

import pytest

from packistry.builtin.source import Git
from packistry.services.secrets import KEY_FILE


def test_faulty_settings_are_one_message_without_values(cli):
    cli.environment["PACKISTRY_LISTEN"] = "canary"
    cli.environment["PACKISTRY_WORKERS"] = "canary"
    error = cli.fails("repository", "list")
    assert "PACKISTRY_LISTEN" in error
    assert "PACKISTRY_WORKERS" in error
    assert "LISTEN: must be HOST:PORT" in error
    assert "canary" not in error


def test_a_database_that_is_away_is_one_sentence_without_its_address(cli):
    cli.environment["PACKISTRY_DATABASE_URL"] = "postgresql+psycopg://u:canary@127.0.0.1:1/x"
    error = cli.fails("repository", "list")
    assert error.count("\n") == 1
    assert "packistry doctor" in error
    assert "canary" not in error


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("canary", "cannot be used: it is postgresql+psycopg://"),
        ("oracle://u:canary@db/x", "cannot be used"),
        ("mysql+pymysql://u:canary@db:x/x", "cannot be used"),
        ("postgresql+pg8000://u:canary@db/x", "pg8000, which is not here. postgresql+psycopg"),
        ("mysql+mysqldb://u:canary@db/x", "pip install 'packistry[mysql]'"),
    ],
)
def test_a_database_that_cannot_be_meant_is_one_sentence(cli, url, said):
    cli.environment["PACKISTRY_DATABASE_URL"] = url
    error = cli.fails("repository", "list")
    assert said in error
    assert "canary" not in error
    assert said in cli("doctor").stdout


def test_doctor_works_without_a_database(cli):
    cli.environment["PACKISTRY_DATABASE_URL"] = "postgresql+psycopg://u:canary@127.0.0.1:1/x"
    result = cli("doctor")
    assert result.exit_code == 1
    assert "does not answer" in result.stdout
    assert "canary" not in result.output


def test_doctor_makes_nothing(cli, tmp_path):
    shutil.rmtree(tmp_path / "data")
    cli("doctor")
    assert not (tmp_path / "data").exists()


def test_doctor_finds_a_sound_installation_sound(cli):
    cli.ok("migrate")
    levels = {each["level"] for each in cli.json("doctor")}
    assert levels <= {"ok", "warning"}


def test_doctor_fails_on_a_fault_and_says_the_remedy(cli, tmp_path):
    cli.ok("migrate")
    (tmp_path / "data").chmod(0o755)
    result = cli("doctor", "--json")
    assert result.exit_code == 1
    (fault,) = [each for each in json.loads(result.stdout) if each["level"] == "error"]
    assert fault["remedy"].startswith("chmod 700")


def test_plugins_lists_the_built_in_one(cli):
    (builtin,) = [each for each in cli.json("plugins")["loaded"] if each["name"] == "builtin"]
    assert (builtin["source_providers"], builtin["storages"]) == (["git"], ["local"])


def test_a_mistyped_plugin_is_told_by_plugins_and_doctor_with_the_names_there_are(cli):
    cli.environment["PACKISTRY_PLUGINS"] = "buitlin"
    assert "PACKISTRY_PLUGINS names 'buitlin'" in cli.fails("plugins")
    (told,) = json.loads(cli("plugins", "--json").stdout)["unknown"]
    assert "builtin" in told["known"]
    finding = next(each for each in json.loads(cli("doctor", "--json").stdout) if told_of(each))
    assert (finding["level"], "builtin" in finding["title"]) == ("error", True)


def told_of(finding: Any) -> bool:
    return "PACKISTRY_PLUGINS names 'buitlin'" in finding["title"]


def test_a_mistyped_plugin_that_was_to_be_left_out_is_a_warning(cli):
    cli.environment["PACKISTRY_DISABLED_PLUGINS"] = "nobody"
    assert "PACKISTRY_DISABLED_PLUGINS names 'nobody'" in cli("plugins").stderr
    assert cli("plugins").exit_code == 0
    findings = [each for each in cli.json("doctor") if "'nobody'" in each["title"]]
    assert [each["level"] for each in findings] == ["warning"]


def test_plugins_names_the_sources_that_miss_theirs(cli, monkeypatch):
    cli.ok("source", "add", "here", "--provider", "git")
    monkeypatch.setattr(Git, "name", "another")
    assert 'The source "here" needs the provider git' in cli.fails("plugins")
    (missed,) = json.loads(cli("plugins", "--json").stdout)["missed"]
    assert missed["before"] == "packistry"


def test_the_data_directory_is_private(cli, tmp_path):
    cli.ok("migrate")
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_data_directory_that_cannot_be_made_is_one_sentence_with_the_setting(cli, tmp_path):
    (tmp_path / "file").touch()
    cli.environment["PACKISTRY_DATA_DIR"] = str(tmp_path / "file" / "data")
    for line in (["repository", "list"], ["serve"], ["migrate"]):
        said = cli.fails(*line)
        assert "cannot be made: Not a directory." in said
        assert "PACKISTRY_DATA_DIR" in said
        assert said.count("\n") == 1


def test_a_file_of_ours_that_cannot_be_read_is_one_sentence(cli, tmp_path):
    (tmp_path / "data" / KEY_FILE).mkdir(parents=True)
    said = cli.fails("source", "add", "git", "--provider", "git", "--set", "password=canary")
    assert f"{tmp_path / 'data' / KEY_FILE} cannot be used: Is a directory." in said
    assert said.count("\n") == 1


def test_a_backup_says_what_belongs_to_it(cli, tmp_path):
    cli.ok("migrate")
    if cli.environment.get("PACKISTRY_DATABASE_URL"):
        assert "docs/operations.md" in cli.fails("backup", str(tmp_path / "copy"))
        return
    said = cli.ok("backup", str(tmp_path / "copy"))
    assert str(tmp_path / "data" / "dists") in said
    assert str(tmp_path / "data" / KEY_FILE) in said
    assert "already" in cli.fails("backup", str(tmp_path / "copy"))


def test_migrating_twice_is_fine(cli):
    cli.ok("migrate")
    cli.ok("migrate")


def test_a_worker_without_redis_says_why(cli):
    assert "PACKISTRY_REDIS_URL" in cli.fails("worker")


def keys(tmp_path: Any) -> Any:
    return (tmp_path / "data" / KEY_FILE).read_text().split()


@pytest.fixture
def secret(cli):
    cli.ok("source", "add", "git", "--provider", "git", "--set", "password=canary")


def test_keys_are_rotated_in_two_steps(cli, secret, tmp_path):
    (old,) = keys(tmp_path)
    assert "1 stored secret is" in cli.ok("secrets", "rotate", "--new-key")
    assert keys(tmp_path)[1:] == [old]
    assert "1 old key is" in cli.ok("secrets", "rotate", "--drop-old-keys")
    assert old not in keys(tmp_path)
    assert {each["level"] for each in cli.json("doctor")} <= {"ok", "warning"}


def test_keys_of_the_environment_are_not_written_to_a_file(cli, secret):
    cli.environment["PACKISTRY_SECRET_KEY"] = "A" * 43 + "="
    assert "PACKISTRY_SECRET_KEY" in cli.fails("secrets", "rotate", "--new-key")


def test_rotation_without_the_old_key_is_refused(cli, secret):
    cli.environment["PACKISTRY_SECRET_KEY"] = "A" * 43 + "="
    assert "Put the old key back" in cli.fails("secrets", "rotate")


def test_a_dist_that_was_lost_is_built_anew(cli, upstream, tmp_path):
    cli.ok("repository", "add", "main")
    cli.ok("source", "add", "git", "--provider", "git")
    path = str(upstream.path)
    cli.ok("package", "add", "--repository", "", "--source", "git", path, "--wait")
    (stored,) = (tmp_path / "data" / "dists").rglob("*.zip")
    stored.unlink()
    assert "is missing" in cli.fails("gc", "--verify")
    assert "Built 1 dist anew" in cli.ok("gc", "--repair")
    assert stored.exists()


def test_the_version_is_told(cli):
    assert re.search(r"\d+\.\d+\.\d+", cli.ok("--version"))


def test_where_no_url_is_set_the_servers_is_taken(cli):
    # What the server remembers when it starts somewhere else than the settings say.
    from packistry.runtime import Runtime
    from packistry.services.documents import rebase
    from packistry.settings import Settings

    settings = Settings(
        data_dir=cli.environment["PACKISTRY_DATA_DIR"],
        listen="127.0.0.1:9999",
        database_url=cli.environment.get("PACKISTRY_DATABASE_URL", ""),
    )
    server = Runtime(settings)
    server.prepare()
    rebase(server)
    server.close()
    cli.environment["PACKISTRY_URL"] = None
    assert cli.json("repository", "add", "main")["url"] == "http://127.0.0.1:9999"
