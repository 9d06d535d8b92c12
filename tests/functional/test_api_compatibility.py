"""What was written for the API of the PHP Packistry goes on working.

The fields, status codes and habits here are that API's: ids as text, a list without a page, a
removal that tells what was removed, an answer that is changed and sent back as a whole.
"""

from typing import Any

import pytest

from tests.functional.browser import PASSWORD
from tests.functional.caller import Caller, caller

pytestmark = pytest.mark.any_database

USER = "id name email role authentication_source permissions repositories packages"
REPOSITORY = "id name path description public url packages_count"
SOURCE = "id provider name url metadata"
PACKAGE = (
    "id repository_id source_id provider_id name type latest_version repository source description "
    "total_downloads"
)
VERSION = "id package_id name shasum total_downloads"
TOKEN = "id name abilities last_used_at expires_at"
PLACE = (
    "id name icon_url provider client_id discovery_url default_user_role repositories packages "
    "callback_url active allow_registration allowed_domains"
)
BATCH = (
    "id name package total_jobs pending_jobs processed_jobs progress failed_jobs cancelled_at "
    "finished_at"
)
STAMPS = "created_at updated_at"
PAGE = {
    "links": "first last prev next",
    "meta": "current_page from last_page links path per_page to total",
}


def told(answer: Any, fields: str) -> Any:
    """The answer, which has all of these fields."""
    assert set(fields.split()) - answer.keys() == set(), answer
    return answer


def page(answer: Any, fields: str) -> Any:
    """The rows of a page of a list, all of which have these fields."""
    for part, names in PAGE.items():
        told(answer[part], names)
    return [told(each, fields) for each in answer["data"]]


@pytest.fixture
def admin(runtime: Any, application: Any) -> Caller:
    return caller(runtime, application, "ada@x.org", admin=True, by="api")


def test_repositories_users_and_tokens_are_looked_after_as_before(admin):
    fields = f"{REPOSITORY} {STAMPS}"
    home = told(admin.post("/repositories", name="Home", path="home", public=False), fields)
    path = f"/repositories/{home['id']}"
    home["description"] = "Ours"
    assert told(admin.put(path, **home), fields)["description"] == "Ours"
    taken = admin.post("/repositories", status=422, name="Other", path="home")
    assert (type(taken["message"]), list(taken["errors"])) == (str, ["path"])
    query = "filter[search]=hom&filter[public]=false&sort=-packages_count&page=1&size=1000"
    assert len(page(admin.get(f"/repositories?{query}"), fields)) == 1

    fields = f"{USER} {STAMPS}"
    new = {"name": "Jo", "email": "jo@x.org", "role": "user", "password": PASSWORD}
    jo = told(admin.post("/users", **new, repositories=[f"{home['id']}"], packages=[]), fields)
    assert told(jo["repositories"][0], "id name path")["path"] == "home"
    assert admin.patch(f"/users/{jo['id']}", name="Jo L.", role="admin")["role"] == "admin"
    assert "user_delete" in admin.get("/me")["permissions"]
    assert page(admin.get("/users?sort=-role&filter[search]=jo@"), fields)[0]["name"] == "Jo L."
    assert told(admin.delete(f"/users/{jo['id']}"), fields)["id"] == jo["id"]

    abilities = ["repository:read", "repository:write"]
    fields = f"{TOKEN} {STAMPS}"
    secret: dict[str, Any] = {"abilities": abilities, "expires_at": "2999-12-31T00:00:00.000Z"}
    for noun, more in (("personal", ""), ("deploy", " repositories packages")):
        body: dict[str, Any] = {"repositories": [f"{home['id']}"], "packages": None} if more else {}
        made = admin.post(f"/{noun}-tokens", name="ci", **secret, **body)
        token = told(told(made, "token plain_text")["token"], fields + more)
        assert (token["abilities"], token["last_used_at"]) == (abilities, None)
        query = "filter[search]=ci&sort=-expires_at"
        assert len(page(admin.get(f"/{noun}-tokens?{query}"), fields + more)) == 1
        gone = admin.delete(f"/{noun}-tokens/{token['id']}")
        assert told(gone, fields + more)["id"] == token["id"]
    assert told(admin.delete(path), "id name")["id"] == home["id"]


def test_sources_packages_and_imports_are_looked_after_as_before(hooks, admin):
    fields = f"{SOURCE} {STAMPS}"
    new = {"provider": "hooked", "url": "https://git.example.org", "token": "secret"}
    source = told(admin.post("/sources", name="Host", **new, metadata={}), fields)
    path = f"/sources/{source['id']}"
    assert told(admin.put(path, name="A host", url=new["url"], metadata={}), fields)
    assert [told(each, fields)["name"] for each in admin.get("/sources")] == ["A host"]

    home = admin.post("/repositories", name="Home", path=None, description=None)
    project = {"repository": f"{home['id']}", "source": f"{source['id']}", "projects": ["7"]}
    fields = f"{PACKAGE} {STAMPS}"
    (package,) = admin.post("/packages", **project, webhook=True)
    told(told(package, fields)["repository"], REPOSITORY.removesuffix(" packages_count"))
    told(package["source"], "id provider name url")
    # As often as somebody likes: it is looked at again.
    (again,) = admin.post("/packages", **project, webhook=True)
    assert (again["id"], package["provider_id"]) == (package["id"], "7")
    path = f"/packages/{package['id']}"
    assert told(admin.post(f"{path}/rebuild", status=200), fields)["id"] == package["id"]
    query = f"filter[repository_id]={home['id']}&include=repository&sort=-total_downloads"
    assert page(admin.get(f"/packages?{query}"), fields) == [admin.get(path)]
    told(admin.get(f"{path}/downloads")[0], "date downloads")
    assert page(admin.get(f"{path}/versions?sort=-created_at&filter[search]=1"), VERSION) == []
    batches = [told(each, f"{BATCH} created_at") for each in admin.get("/batches")]
    assert {each["package"]["id"] for each in batches} == {package["id"]}
    assert told(admin.delete(path), fields)["id"] == package["id"]
    assert told(admin.delete(f"/sources/{source['id']}"), SOURCE)["id"] == source["id"]
    admin.delete("/batches", status=204)


def test_places_to_sign_in_at_are_looked_after_as_before(admin):
    fields = f"{PLACE} {STAMPS}"
    new = {
        "name": "Ours",
        "icon_url": "https://example.org/icon.svg",
        "provider": "oidc",
        "client_id": "packistry",
        "discovery_url": "https://id.example.org/.well-known/openid-configuration",
        "active": True,
        "default_user_role": "user",
        "default_user_repositories": [],
        "default_user_packages": [],
        "allowed_domains": [],
        "allow_registration": False,
    }
    place = told(admin.post("/authentication-sources", **new, client_secret="s" * 20), fields)
    assert place["discovery_url"] == new["discovery_url"]
    assert "client_secret" not in place
    path = f"/authentication-sources/{place['id']}"
    assert told(admin.put(path, **{**new, "name": "Theirs"}), fields)["name"] == "Theirs"
    assert len(page(admin.get("/authentication-sources?sort=-active"), fields)) == 1
    told(admin.get("/auths")[0], "id name icon_url redirect_url")
    told(admin.get("/dashboard"), "packages repositories users tokens sources downloads")
    assert told(admin.delete(path), fields)["id"] == place["id"]
