"""What the calls are shown with: a body that is sent, and what is answered."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

REFERENCE = "6f1d0c2e8b7a4f3d9e5c1b0a7f8e6d5c4b3a2910"
MOMENT = "2030-01-31T12:00:00.000000Z"

_FILTERS = {"exclude_branches": ["wip/*"], "tags": ["v*"]}
_PASSWORD = "seven red umbrellas"  # noqa: S105 - an example

BODIES: Mapping[str, Mapping[str, Any]] = {
    "login": {"email": "ada@example.org", "password": _PASSWORD},
    "me-edit": {"name": "Ada Lovelace"},
    "repository-add": {"name": "Team A", "path": "team-a", "reserved_vendors": ["acme"]},
    "repository-edit": {"description": "What our own teams build on.", "public": False},
    "source-add": {
        "name": "Our Git",
        "provider": "git",
        "config": {"url": "https://git.example.org", "password": "only-an-example"},
    },
    "source-edit": {"keep_dists": 10, **_FILTERS},
    "source-auto-import": {"patterns": ["acme/*"], "repository": 1},
    "package-add": {
        "repository": 1,
        "source": 1,
        "projects": ["https://git.example.org/acme/money"],
        "dists": "lazy",
    },
    "package-edit": {"abandoned": "acme/money", **_FILTERS},
    "bulk-import-add": {"repository": 1, "source": 1, "patterns": ["acme/*", "tools/*"]},
    "package-rename": {"name": "acme/money"},
    "package-move": {"repository": 2},
    "version-yank": {"reason": "It loses amounts below a cent: use 1.2.1."},
    "held-accept": {"version": "1.2.0", "commit": REFERENCE},
    "held-refuse": {"version": "1.2.0", "commit": REFERENCE},
    "user-add": {
        "name": "Ada Lovelace",
        "email": "ada@example.org",
        "role": "user",
        "grants": [{"repository_id": 1, "read": True, "manage": True}],
    },
    "user-edit": {"active": False},
    "personal-token-add": {"name": "laptop", "abilities": ["api"], "expires_at": "90d"},
    "personal-token-edit": {"name": "old laptop"},
    "personal-token-rotate": {"keep_hours": 24},
    "deploy-token-add": {
        "name": "ci",
        "abilities": ["repository:read"],
        "expires_at": "2030-12-31",
        "repositories": [1],
    },
    "deploy-token-edit": {"packages": [1, 2]},
    "deploy-token-rotate": {"keep_hours": 24},
    "authentication-source-add": {
        "name": "Acme accounts",
        "provider": "oidc",
        "config": {
            "discovery_url": "https://id.example.org/.well-known/openid-configuration",
            "client_id": "packistry",
            "client_secret": "only-an-example",
        },
        "allow_registration": True,
        "allowed_domains": ["example.org"],
    },
    "authentication-source-edit": {"rules": ["groups=developers: read team-a"]},
}
"""By the call's name: a body that it takes."""

# What fields are told with: by model and name where one name means several things.
_ADDRESS = "https://packages.example.org"
_WORDS: Mapping[str, Any] = {
    "AuditShape.target": "Team A",
    "AuditShape.kind": "repository",
    "AuthenticationSourceShape.name": "Acme accounts",
    "AuthenticationSourceShape.provider": "oidc",
    "BatchShape.id": "7",
    "BatchShape.name": "acme/money",
    "ConfigFieldShape.name": "url",
    "ConfigFieldShape.label": "URL",
    "ConfigFieldShape.kind": "text",
    "DependentShape.name": "acme/ledger",
    "DeployTokenShape.name": "ci",
    "NewDeployTokenShape.name": "ci",
    "NewDeployTokenShape.plain_text": "pkdt-…",
    "FindingShape.title": "The web server answers",
    "HeldShape.repository": "Team A",
    "Links.first": f"{_ADDRESS}/api/…?page=1",
    "Links.last": f"{_ADDRESS}/api/…?page=1",
    "Meta.path": f"{_ADDRESS}/api/…",
    "Named.name": "Acme accounts",
    "NamedPackage.name": "acme/money",
    "NamedRepository.name": "Team A",
    "NeedShape.kind": "source",
    "NeedShape.title": "Our Git",
    "OfferShape.name": "git",
    "OfferShape.title": "Git",
    "PackageShape.name": "acme/money",
    "PageLink.label": "1",
    "PackageSourceShape.name": "Our Git",
    "PassedShape.repository": "Team A",
    "PersonalTokenShape.name": "laptop",
    "NewPersonalTokenShape.name": "laptop",
    "PluginShape.name": "packistry-gitlab",
    "PluginShape.distribution": "packistry-gitlab",
    "ProjectShape.id": "42",
    "ProjectShape.name": "money",
    "RefShape.after": 0.8,
    "RefShape.kind": "tag",
    "RefShape.version": "1.2.0",
    "RepositoryFacts.name": "Team A",
    "RepositoryShape.name": "Team A",
    "SettingShape.name": "url",
    "SettingShape.value": _ADDRESS,
    "SignInPlace.name": "Acme accounts",
    "SourceName.name": "Our Git",
    "SourceShape.name": "Our Git",
    "SyncShape.packages": ["acme/money"],
    "WholeSyncShape.packages": ["acme/money"],
    "UserShape.name": "Ada Lovelace",
    "VersionShape.name": "1.2.0",
    "WholeVersionShape.name": "1.2.0",
    "action": "repository.added",
    "active": True,
    "read": True,
    "composer_name": "acme/money",
    "condition": "in-step",
    "loaded": True,
    "current_page": 1,
    "actor": "Ada Lovelace",
    "address": "192.0.2.7",
    "agent": "Firefox on Linux",
    "allowed_domains": ["example.org"],
    "allows": "^3.0",
    "branches": ["main"],
    "callback_url": f"{_ADDRESS}/auths/1/callback",
    "changes": ["branch main pushed"],
    "client_id": "packistry",
    "commit_url": f"https://git.example.org/acme/money/commit/{REFERENCE}",
    "description": "Money and rounding, without floats",
    "discovery_url": "https://id.example.org/.well-known/openid-configuration",
    "distribution": "packistry",
    "email": "ada@example.org",
    "error": "",
    "event": "push",
    "exclude_branches": ["wip/*"],
    "exclude_tags": [],
    "full_name": "acme/money",
    "held": REFERENCE,
    "help": "Where the host is.",
    "icon_url": f"{_ADDRESS}/auths/1/icon",
    "keep_dists": 10,
    "keywords": ["money"],
    "label": "6c1f2a",
    "last_page": 1,
    "latest_version": "1.2.0",
    "left_out": {"are archived": 2},
    "meaning": "The public address of this server.",
    "message": "Name: a name has 1 to 255 visible characters on one line.",
    "normalized": "1.2.0.0",
    "note": "",
    "notes": ["The token may create webhooks."],
    "origin": "environment",
    "package": "acme/money",
    "path": "team-a",
    "patterns": ["acme/*"],
    "per_page": 10,
    "permissions": ["repository.read"],
    "plain_text": "pkpat-…",
    "plugin": "packistry-gitlab",
    "project": "acme/money",
    "provider": "git",
    "provider_id": "42",
    "reason": "Its composer.json has no name.",
    "redirect_url": f"{_ADDRESS}/auths/1/redirect",
    "ref": "v1.2.0",
    "reference": REFERENCE,
    "remedy": "",
    "repository": "Team A",
    "reserved_vendors": ["acme"],
    "rules": ["groups=developers: read team-a"],
    "said": "",
    "secret": "told-this-once",
    "served": REFERENCE,
    "shasum": "a9993e364706816aba3e25717850c26c9cd0d89d",
    "size": 412_000,
    "source": "Our Git",
    "stability": "stable",
    "subdirectory": "",
    "tag": "v1.2.0",
    "tags": ["v*"],
    "text": "It refused our token.",
    "title": "Git",
    "total_downloads": 1249,
    "type": "library",
    "url": f"{_ADDRESS}/…",
    "value": "",
    "variable": "PACKISTRY_URL",
    "version": "1.2.0",
    "web_url": "https://git.example.org/acme/money",
    "webhook_url": f"{_ADDRESS}/incoming/git/1",
}


def answer(schema: Schema, schemas: Mapping[str, Schema]) -> Any:
    """An answer that is as `schema` says; it refers to `schemas` by name."""
    return _example(schema, schemas, "", "")


def _example(schema: Schema, schemas: Mapping[str, Schema], model: str, name: str) -> Any:
    if "$ref" in schema:
        title = schema["$ref"].rpartition("/")[2]
        return _example(schemas[title], schemas, title, name)
    for known in (f"{model}.{name}", name):
        if name and known in _WORDS and _fits(_WORDS[known], schema):
            return _WORDS[known]
    if "enum" in schema or "const" in schema:
        return schema["enum"][0] if "enum" in schema else schema["const"]
    if "anyOf" in schema:
        kinds = [each for each in schema["anyOf"] if each.get("type") != "null"]
        return _example(kinds[0], schemas, model, name)
    return _of_type(schema, schemas, model)


def _fits(value: Any, schema: Schema) -> bool:
    if "enum" in schema:
        return value in schema["enum"]
    words = {
        bool: "boolean",
        str: "string",
        int: "integer",
        float: "number",
        list: "array",
        dict: "object",
    }
    kinds = {each.get("type") for each in (schema, *schema.get("anyOf", ()))}
    return words[type(value)] in kinds


def _of_type(schema: Schema, schemas: Mapping[str, Schema], model: str) -> Any:
    kind = schema.get("type")
    if kind == "object":
        fields = schema.get("properties", {})
        return {field: _example(each, schemas, model, field) for field, each in fields.items()}
    if kind == "array":
        return [_example(schema["items"], schemas, model, "")] if "items" in schema else []
    if kind == "string":
        formats = {"date-time": MOMENT, "date": MOMENT[:10]}
        return formats.get(schema.get("format", ""), "…")
    return {"integer": 1, "number": 1.5, "boolean": False}.get(str(kind))
