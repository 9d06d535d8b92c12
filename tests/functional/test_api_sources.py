"""Sources, syncs and places to sign in at, by the API."""

import base64

import pytest

from packistry import jobs
from packistry.inputs import NewRepository
from packistry.models import Package, PassedProject
from packistry.plugin import CredentialsError, Project
from packistry.services.grants import Rights
from packistry.services.synchronizer import Synchronizer
from tests.functional.caller import Caller, caller
from tests.hooked import Hooked
from tests.importing import Importing
from tests.repositories import GitRepository


@pytest.fixture
def admin(runtime, application) -> Caller:
    return caller(runtime, application, "ada@x.org", admin=True, by="api")


def test_a_source_is_made_in_its_providers_words_and_tells_no_secret(admin):
    made = admin.post(
        "/sources",
        name="Here",
        provider="git",
        config={"username": "jo", "password": "canary-secret"},
    )
    assert (made["provider"], made["has_secrets"], made["loaded"]) == ("git", True, True)
    assert made["metadata"] == {"username": "jo", "known_hosts": ""}
    path = f"/sources/{made['id']}"
    changed = admin.patch(path, name="There", config={"username": "eve"}, tag_policy="follow")
    assert (changed["has_secrets"], changed["tag_policy"]) == (True, "follow")
    assert not admin.put(path, clear=["password"], tag_policy="inherit")["has_secrets"]
    kept = admin.patch(path, keep_dists=3, tags=["v*"], exclude_branches=[])
    assert (kept["keep_dists"], kept["tags"], kept["exclude_branches"]) == (3, ["v*"], [])
    assert admin.patch(path, tags="inherit")["tags"] is None
    for number, words in ((-1, "must be at least 0"), ("3", "must be a whole number")):
        wrong = admin.patch(path, status=422, keep_dists=number)["errors"]
        assert wrong == {"keep_dists": [f"Keep dists: {words}."]}
    assert admin.get("/sources") == [admin.get(path)]
    assert "canary" not in str([made, changed, admin.get(path)])
    wrong = admin.post("/sources", status=422, name="X", provider="git", config={"pass": "x"})
    assert list(wrong["errors"]) == ["config.pass"]
    wrong = admin.post("/sources", status=422, name="X", provider="nothing")
    assert list(wrong["errors"]) == ["provider"]
    assert "name" in admin.post("/sources", status=422, name="There", provider="git")["errors"]
    admin.delete(path)
    admin.get(path, status=404)


def test_maintainers_are_told_what_they_may_import_from_and_not_how_it_is_opened(
    admin, runtime, application
):
    made = admin.post("/sources", name="Here", provider="git", config={"username": "canary"})
    with runtime.transaction() as services:
        home = services.repositories.add(NewRepository(name="Home", path="home"))
        home_id = home.id
    jo = caller(runtime, application, "jo@x.org", by="api")
    jo.get("/sources", status=403)
    with runtime.transaction() as services:
        rights = Rights(manage=True)
        services.grants.grant(
            services.users.get("jo@x.org"), services.repositories.at(home_id), rights
        )
    told = jo.get("/sources")
    assert [(each["name"], sorted(each)) for each in told if each["id"] == made["id"]] == [
        ("Here", ["id", "lists_projects", "loaded", "name", "provider"])
    ]
    assert "canary" not in str(told)
    jo.get(f"/sources/{made['id']}/projects", status=409)
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/check")):
        jo.send(method, f"/sources/{made['id']}{path}", {}, status=403)


def test_sources_are_searched_and_sorted(admin):
    def names(query: str) -> list[str]:
        return [each["name"] for each in admin.get(f"/sources?{query}")]

    for name in ("Team B", "Team A", "Other"):
        admin.post("/sources", name=name, provider="git")
    assert names("") == ["Other", "Team A", "Team B"]
    assert names("filter[search]=TEAM&sort=-name") == ["Team B", "Team A"]
    assert names("sort=-created_at") == ["Other", "Team A", "Team B"]
    assert "sort" in admin.get("/sources?sort=config", status=422)["errors"]


def test_bitbuckets_credentials_are_taken_as_the_php_packistry_took_them(runtime):
    from packistry.web.api.config import config_of

    cloud = runtime.plugins.source_provider("bitbucket").Config
    token = base64.b64encode(b"jo@x.org:ATBB").decode()
    found = config_of(cloud, {}, {"workspace": "acme", "token": token, "url": "https://b.org"})
    assert found == {"workspace": "acme", "email": "jo@x.org", "token": "ATBB"}


def test_what_the_host_says_about_a_token_is_told_at_the_token(hooks, admin, monkeypatch):
    found = [Project(id="7", path="acme/lib", archived=True)]
    monkeypatch.setattr(Hooked, "projects", lambda self, search="": iter(found))
    made = admin.post("/sources", name="Hooked", provider="hooked")
    assert admin.post(f"/sources/{made['id']}/check", status=200) == {"notes": []}
    (project,) = admin.get(f"/sources/{made['id']}/projects?search=lib")
    assert (project["id"], project["full_name"], project["name"], project["read_only"]) == (
        "7",
        "acme/lib",
        "lib",
        True,
    )

    def refuse(*_: object) -> None:
        raise CredentialsError("The token lacks the scope repo.")

    def fail(*_: object) -> None:
        raise RuntimeError("canary-secret")

    monkeypatch.setattr(Hooked, "check", refuse)
    monkeypatch.setattr(Hooked, "projects", fail)
    refused = admin.post("/sources", status=422, name="Other", provider="hooked")
    assert refused["errors"] == {"token": ["The token lacks the scope repo."]}
    told = admin.get(f"/sources/{made['id']}/projects", status=422)
    assert (list(told["errors"]), "canary" in str(told)) == (["source"], False)


def test_a_source_imports_by_itself_and_takes_one_webhook_for_all_of_it(hooks, admin, runtime):
    with runtime.transaction() as services:
        home = services.repositories.add(NewRepository(name="Home", path="home")).id
    made = admin.post("/sources", name="Group", provider="hooked")
    path = f"/sources/{made['id']}"
    assert (made["auto_import"], made["has_webhook_secret"]) == (None, False)
    wrong = admin.put(f"{path}/auto-import", status=422, patterns=["x[["], repository=home)
    assert list(wrong["errors"]) == ["patterns.0"]
    wrong = admin.put(f"{path}/auto-import", status=422, patterns=["*"], repository=999_999)
    assert list(wrong["errors"]) == ["repository"]
    started = admin.put(f"{path}/auto-import", patterns=["acme/*"], repository=home)["auto_import"]
    assert (started["patterns"], started["repository_id"]) == (["acme/*"], home)
    with runtime.transaction() as services:
        reason = "The branch main has no composer.json."
        key = {"source_id": made["id"], "repository_id": home, "external_id": "9"}
        services.session.add(PassedProject(**key, path="acme/web", reason=reason))
    (passed,) = admin.get(f"{path}/passed")
    assert (passed["project"], passed["reason"], passed["removed"]) == ("acme/web", reason, False)
    admin.delete(f"{path}/auto-import", status=204)
    assert admin.get(path)["auto_import"] is None
    shared = admin.post(f"{path}/webhook-secret")
    assert shared["url"] == admin.get(path)["webhook_url"]
    assert shared["secret"].startswith("whsec_")
    told = admin.patch(path, webhook_secret="one of our own")
    assert (told["has_webhook_secret"], "one of our own" in str(told)) == (True, False)
    assert not admin.patch(path, forget_webhook_secret=True)["has_webhook_secret"]
    plain = admin.post("/sources", name="Plain", provider="git")
    admin.post(f"/sources/{plain['id']}/webhook-secret", status=409)


def test_a_source_that_lists_no_projects_is_not_asked_for_any(hooks, admin, runtime):
    with runtime.transaction() as services:
        home = services.repositories.add(NewRepository(name="Home", path="home")).id
    plain = admin.post("/sources", name="Plain", provider="git")
    assert not plain["lists_projects"]
    assert admin.post("/sources", name="Group", provider="hooked")["lists_projects"]
    path, all_of_it = f"/sources/{plain['id']}", {"repository": home, "patterns": ["*"]}
    told = [
        admin.get(f"{path}/projects?search=x", status=409),
        admin.put(f"{path}/auto-import", status=409, **all_of_it),
        admin.post("/bulk-imports", status=409, source=plain["id"], **all_of_it),
    ]
    assert {each["message"] for each in told} == {
        "This kind of source lists no projects: name each of them, or give its address."
    }
    assert admin.get(path)["auto_import"] is None


def test_all_projects_of_a_source_that_fit_are_added_at_once(hooks, admin, runtime, monkeypatch):
    found = [Project(id="7", path="acme/lib"), Project(id="8", path="other/lib")]
    monkeypatch.setattr(Hooked, "projects", lambda self, search="": iter(found))
    with runtime.transaction() as services:
        home = services.repositories.add(NewRepository(name="Home", path="home")).id
    source = admin.post("/sources", name="Group", provider="hooked")["id"]
    where = {"repository": home, "source": source}
    assert (
        "repository"
        in admin.post("/bulk-imports", status=422, **where | {"repository": 9999})["errors"]
    )
    made = admin.post("/bulk-imports", **where, patterns=["acme/*"], webhook=False)
    assert (made["listing"], made["found"]) == (True, 0)
    jobs.drain(runtime)
    path = f"/bulk-imports/{made['id']}"
    told = admin.get(path)
    assert (told["listing"], told["found"], told["packages"], told["waiting"]) == (False, 2, 1, 0)
    assert told["left_out"] == {"fit no pattern": 1}
    (project,) = told["projects"]
    assert (project["project"], project["state"], project["package"]) == (
        "acme/lib",
        "package",
        "acme/lib",
    )
    assert admin.post(f"{path}/retry", status=200)["listing"]
    admin.post(f"{path}/retry", status=409)


def test_a_sync_is_looked_into_retried_stopped_and_shown_as_a_batch(
    admin, runtime, application, tmp_path
):
    upstream = GitRepository(tmp_path / "upstream")
    upstream.commit({"name": "acme/lib"})
    upstream.tag("v1.0.0")
    importing = Importing(runtime)
    package = importing.add(upstream)
    (waiting,) = admin.get("/syncs")["data"]
    assert (waiting["state"], waiting["reason"]) == ("queued", "added")
    Synchronizer(runtime).run(waiting["id"])
    done = admin.get(f"/syncs/{waiting['id']}")
    assert (done["state"], done["packages"]) == ("done", ["acme/lib"])
    assert {ref["outcome"] for ref in done["refs"]} == {"imported"}
    (batch,) = admin.get("/batches")
    assert (batch["progress"], batch["pending_jobs"], batch["failed_jobs"]) == (100, 0, 0)
    assert batch["package"]["id"] == package
    again = admin.post(f"/syncs/{waiting['id']}/retry")
    assert admin.post(f"/syncs/{again['id']}/cancel", status=200)["state"] == "cancelled"
    admin.post(f"/syncs/{again['id']}/cancel", status=409)
    found = admin.get(f"/syncs?filter[state]=cancelled&filter[package_id]={package}")
    assert [each["id"] for each in found["data"]] == [again["id"]]
    assert caller(runtime, application, "jo@x.org").get("/syncs", status=403)
    admin.delete("/batches", status=204)
    assert admin.get("/batches") == []


def test_a_place_to_sign_in_at_has_the_php_packistrys_fields_and_ours(admin, runtime):
    with runtime.transaction() as services:
        home = services.repositories.add(NewRepository(name="Home", path="home"))
        package = Package(repository=home, name="acme/lib")
        services.session.add(package)
        services.session.flush()
        ids = home.id, package.id
    made = admin.post(
        "/authentication-sources",
        name="Sign in",
        provider="oidc",
        client_id="packistry",
        client_secret="canary-secret",
        discovery_url="https://id.example.org/.well-known/openid-configuration",
        icon_url=None,
        active=True,
        default_user_role="user",
        default_user_repositories=[ids[0]],
        default_user_packages=[ids[1]],
        allowed_domains=["X.org"],
    )
    assert made["callback_url"] == f"http://packages.test/auths/{made['id']}/callback"
    assert made["config"]["issuer"] == "https://id.example.org"
    assert (made["client_id"], made["allow_registration"]) == ("packistry", False)
    assert made["allowed_domains"] == ["x.org"]
    assert [each["id"] for each in made["repositories"]] == [ids[0]]
    assert [each["id"] for each in made["packages"]] == [ids[1]]
    path = f"/authentication-sources/{made['id']}"
    rules = ["groups=devs: maintain home"]
    assert admin.patch(path, rules=rules)["rules"] == rules
    changed = admin.put(path, default_user_repositories=[ids[0]], active=False)
    assert changed["rules"] == [*rules, "*: read home"]
    assert admin.patch(path, default_user_repositories=[])["rules"] == rules
    assert "canary" not in str(admin.get("/authentication-sources?sort=-active"))
    assert "rules" in admin.patch(path, status=422, rules=["*: read nowhere"])["errors"]
    admin.delete(path)
