"""Packages by the API: made, imported, looked at, decided about, removed."""

import pytest

from packistry.inputs import NewRepository
from packistry.models import Delivery, Package
from packistry.services.grants import Rights
from packistry.services.synchronizer import Synchronizer
from tests.functional.caller import Caller, caller
from tests.importing import Importing
from tests.repositories import GitRepository


@pytest.fixture
def admin(runtime, application) -> Caller:
    return caller(runtime, application, "ada@x.org", admin=True, by="api")


@pytest.fixture
def upstream(tmp_path):
    upstream = GitRepository(tmp_path / "upstream")
    manifest = {"name": "acme/lib", "description": "A library", "require": {"acme/log": "^1"}}
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"
    upstream.commit(manifest, files={"big.bin": pointer})
    upstream.tag("v1.0.0")
    return upstream


def test_a_package_is_made_of_a_project_imported_yanked_and_removed(admin, runtime, upstream):
    home = admin.post("/repositories", name="Home", path="home")["id"]
    source = admin.post("/sources", name="Here", provider="git")["id"]
    new = {"repository": home, "source": source, "projects": [upstream.url], "webhook": False}
    (made,) = admin.post("/packages", **new, tags=["v1.*"])
    assert (made["name"], made["source_id"], made["condition"]) == (None, source, "waiting")
    assert (made["provider_id"].startswith(upstream.url), made["tags"]) == (True, ["v1.*"])
    # Once more, as in the PHP Packistry: it is looked at again.
    assert [each["id"] for each in admin.post("/packages", **new)] == [made["id"]]
    for wrong in ({"repository": 987}, {"source": 987}, {"projects": ["/nowhere"]}):
        assert list(admin.post("/packages", status=422, **{**new, **wrong})["errors"]) == [*wrong]
    (sync,) = admin.get("/syncs")["data"]
    Synchronizer(runtime).run(sync["id"])

    path = f"/packages/{made['id']}"
    package = admin.get(path)
    assert (package["name"], package["latest_version"], package["description"]) == (
        "acme/lib",
        "v1.0.0",
        "A library",
    )
    assert package["repository"]["url"] == "http://packages.test/r/home"
    listed = admin.get(f"/packages?filter[search]=library&filter[source_id]={source}")
    assert listed["data"] == [package]
    versions = admin.get(f"{path}/versions?sort=name&filter[search]=1.0")["data"]
    assert [each["name"] for each in versions] == ["v1.0.0"]
    assert len(versions[0]["shasum"]) == 40
    assert versions[0]["notices"] == ["Git LFS files, only pointers in the dist: 1."]
    version = f"{path}/versions/{versions[0]['id']}"
    assert admin.get(version)["metadata"]["require"] == {"acme/log": "^1"}
    assert admin.post(f"{version}/yank", status=200)["yanked_at"]
    admin.post(f"{version}/yank", status=409)
    assert admin.get(path)["latest_version"] == "dev-main"
    assert admin.post(f"{version}/restore", status=200)["yanked_at"] is None
    assert len(admin.get(f"{path}/downloads")) == 90

    assert admin.patch(path, abandoned="acme/new", tags="inherit")["abandoned"] == "acme/new"
    assert admin.get(path)["tags"] is None
    assert admin.put(path, abandoned=False, keep_dists=4)["keep_dists"] == 4
    assert admin.put(path, keep_dists="inherit")["keep_dists"] is None
    admin.patch(path, status=422, abandoned="acme/lib")
    renamed = admin.post(f"{path}/rename", name="acme/other")
    assert (renamed["name"], renamed["abandoned"]) == ("acme/other", False)
    assert admin.get(path)["abandoned"] == "acme/other"
    assert "name" in admin.post(f"{path}/rename", status=422, name="acme/other")["errors"]
    with runtime.transaction() as services:
        team = services.repositories.add(NewRepository(name="Team", path="team")).id
    assert admin.post(f"{path}/move", status=200, repository=team)["repository"]["id"] == team
    admin.post(f"{path}/move", status=422, repository=987)
    assert admin.post(f"{path}/rebuild", status=200)["id"] == made["id"]
    assert admin.delete(path)["id"] == made["id"]
    admin.get(path, status=404)


def test_a_tag_that_moved_is_told_accepted_and_refused(admin, runtime, upstream):
    importing = Importing(runtime)
    package = importing.add(upstream)
    importing.sync(package)
    upstream.commit({"name": "acme/lib", "description": "Moved"})
    upstream.tag("v1.0.0")
    importing.sync(package)
    path = f"/packages/{package}/held"
    (held,) = admin.get(path)
    assert held["served"] == held["reference"] != held["held"]
    admin.post(f"{path}/refuse", status=409, version="1.0.0", commit="0" * 40)
    admin.post(f"{path}/refuse", status=204, version="1.0.0", commit=held["held"])
    assert admin.get(path) == []
    admin.post(f"{path}/accept", status=204, version="1.0.0", commit=held["held"])
    admin.post(f"{path}/accept", status=422, version="9.9.9")


def test_a_webhook_is_looked_at_and_made_anew(hooks, admin, runtime):
    package = Importing(runtime).add("7", provider="hooked")
    path = f"/packages/{package}"
    assert admin.get(f"{path}/webhook")["state"] == "none"
    assert admin.post(f"{path}/webhook/repair", status=200)["pending"]
    with runtime.transaction() as services:
        project = services.session.get_one(Package, package).project
        services.session.add(
            Delivery(source=project.source, project=project, verdict="accepted", event="push")
        )
    (delivery,) = admin.get(f"{path}/deliveries")
    assert (delivery["event"], delivery["verdict"]) == ("push", "accepted")
    assert admin.post(f"{path}/deliveries/{delivery['id']}/retry")["state"] == "queued"
    admin.post(f"{path}/deliveries/987/retry", status=404)


def test_a_member_sees_what_is_granted_and_a_maintainer_cares_for_what_is_theirs(
    runtime, application, admin, stock
):
    for name in ("home", "away"):
        stock.repository(name)
        stock.version("acme/lib", "1.0.0", name)
    with runtime.transaction() as services:
        services.repositories.add(NewRepository(name="Other", path="other"))
        home = services.repositories.get("home")
        ids = {each.repository.path: each.id for each in services.packages.find("acme/lib")}
        home_id = home.id
    reader = caller(runtime, application, "jo@x.org", by="api")
    maintainer = caller(runtime, application, "eve@x.org", by="api")
    with runtime.transaction() as services:
        home = services.repositories.at(home_id)
        services.grants.grant(services.users.get("jo@x.org"), home, Rights(read=True))
        services.grants.grant(services.users.get("eve@x.org"), home, Rights(manage=True))
    assert [each["id"] for each in reader.get("/packages")["data"]] == [ids["home"]]
    reader.get(f"/packages/{ids['away']}", status=404)
    reader.patch(f"/packages/{ids['home']}", status=403, abandoned=True)
    assert maintainer.patch(f"/packages/{ids['home']}", abandoned=True)["abandoned"] is True
    maintainer.patch(f"/packages/{ids['away']}", status=404, abandoned=True)
    source = admin.post("/sources", name="Here", provider="git")["id"]
    away = admin.get("/repositories?filter[search]=away")["data"][0]["id"]
    new = {"source": source, "projects": ["https://git.example/x.git"], "repository": away}
    assert "repository" in maintainer.post("/packages", status=422, **new)["errors"]
