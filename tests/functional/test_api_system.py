"""What the API tells administrators about the server."""

from tests.functional.caller import caller


def test_administrators_learn_of_plugins_settings_faults_and_who_did_what(runtime, application):
    who = caller(runtime, application, "ada@x.org", admin=True, by="api")
    plugins = who.get("/plugins")
    offers = {
        offer["name"]: offer for each in plugins["loaded"] for offer in each["source_providers"]
    }
    kinds = {field["name"]: field["kind"] for field in offers["git"]["config"]}
    assert (kinds["url"], kinds["password"]) == ("text", "secret")
    settings = {each["variable"]: each for each in who.get("/settings")}
    assert settings["PACKISTRY_URL"]["value"] == "http://packages.test"
    findings = who.post("/doctor", status=200)
    assert {each["level"] for each in findings} <= {"ok", "warning", "error"}
    made = who.post("/repositories", name="Home", path="home")
    who.patch(f"/repositories/{made['id']}", name="House")
    newest, first = who.get("/audit-events?filter[kind]=repository&filter[who]=ada")["data"]
    assert (newest["before"], newest["after"]) == ({"name": "Home"}, {"name": "House"})
    assert (first["action"], first["via"], first["target_id"]) == (
        "repository.added",
        "api",
        made["id"],
    )
    assert who.get("/audit-events?filter[until]=2020-01-01")["data"] == []
    assert who.get("/audit-events?filter[since]=2020-13-01", status=422)["errors"]
