"""What a composer.json says about itself: texts, people and links. None of it is installed.

Whatever is wrong here is left out; Composer ignores such entries or only warns about them.
"""

from collections.abc import Collection, Mapping
from typing import Any

from packistry.composer.findings import Findings
from packistry.composer.json_text import described
from packistry.composer.text import WEB_SCHEMES, clean_email, clean_text, clean_url, quoted

SUPPORT_SCHEMES = WEB_SCHEMES | {"irc", "ircs", "mailto"}

_SUPPORT_LINKS = ("issues", "forum", "wiki", "source", "docs", "rss", "irc", "chat", "security")
_AUTHOR_TEXTS = ("name", "email", "homepage", "role")


def read_credits(raw: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """description, keywords, homepage, license, authors, support and funding, where given."""
    read = {
        "description": _text(raw, "description", findings),
        "keywords": _texts(raw, "keywords", findings),
        "homepage": _url(raw.get("homepage"), "homepage", WEB_SCHEMES, findings),
        "license": _license(raw, findings),
        "authors": _authors(raw, findings),
        "support": _support(raw, findings),
        "funding": _funding(raw, findings),
    }
    return {key: value for key, value in read.items() if value}


def read_abandoned(value: Any, findings: Findings) -> bool | str:
    """False, True, or the name of the package to use instead."""
    if isinstance(value, str):
        return clean_text(value) or False
    if value is not None and not isinstance(value, bool):
        findings.leave_out("abandoned", f"it must be true or a name, not {described(value)}")
    return value is True


def _text(raw: Mapping[str, Any], key: str, findings: Findings) -> str:
    value = raw.get(key)
    if isinstance(value, str):
        return clean_text(value)
    if value is not None:
        findings.leave_out(key, f"it must be a text, not {described(value)}")
    return ""


def _texts(raw: Mapping[str, Any], key: str, findings: Findings) -> list[str]:
    """The texts and numbers of a list, or of an object, which PHP does not tell from a list."""
    texts = []
    for number, item in enumerate(_items(raw, key, findings)):
        if isinstance(item, str | int | float) and not isinstance(item, bool):
            texts.append(clean_text(str(item)))
        else:
            findings.leave_out(f"{key}.{number}", f"it must be a text, not {described(item)}")
    return [text for text in texts if text]


def _items(raw: Mapping[str, Any], key: str, findings: Findings) -> list[Any]:
    value = raw.get(key)
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, list):
        return value
    if value is not None:
        findings.leave_out(key, f"it must be a list, not {described(value)}")
    return []


def _objects(raw: Mapping[str, Any], key: str, findings: Findings) -> list[dict[str, Any]]:
    objects = []
    for number, item in enumerate(_items(raw, key, findings)):
        if isinstance(item, dict):
            objects.append(item)
        else:
            findings.leave_out(f"{key}.{number}", f"it must be an object, not {described(item)}")
    return objects


def _license(raw: Mapping[str, Any], findings: Findings) -> list[str]:
    if isinstance(raw.get("license"), str):
        text = _text(raw, "license", findings)
        return [text] if text else []
    return _texts(raw, "license", findings)


def _authors(raw: Mapping[str, Any], findings: Findings) -> list[dict[str, str]]:
    authors = []
    for given in _objects(raw, "authors", findings):
        author = {key: _text(given, key, findings) for key in _AUTHOR_TEXTS}
        author["email"] = _email(author["email"], "authors.email", findings)
        author["homepage"] = _url(author["homepage"], "authors.homepage", WEB_SCHEMES, findings)
        authors.append({key: value for key, value in author.items() if value})
    return [author for author in authors if author]


def _support(raw: Mapping[str, Any], findings: Findings) -> dict[str, str]:
    given = raw.get("support")
    if not given:
        return {}
    if not isinstance(given, dict):
        findings.leave_out("support", f"it must be an object, not {described(given)}")
        return {}
    support = {"email": _email(_text(given, "email", findings), "support.email", findings)}
    for key in _SUPPORT_LINKS:
        support[key] = _url(given.get(key), f"support.{key}", SUPPORT_SCHEMES, findings)
    return {key: support[key] for key in given if support.get(key)}


def _funding(raw: Mapping[str, Any], findings: Findings) -> list[dict[str, str]]:
    funding = []
    for given in _objects(raw, "funding", findings):
        url = _url(given.get("url"), "funding.url", WEB_SCHEMES, findings)
        if url:
            entry = {"type": _text(given, "type", findings), "url": url}
            funding.append({key: value for key, value in entry.items() if value})
    return funding


def _email(text: str, where: str, findings: Findings) -> str:
    address = clean_email(text)
    if text and address is None:
        findings.leave_out(where, f"{quoted(text)} is not an e-mail address")
    return address or ""


def _url(value: Any, where: str, schemes: Collection[str], findings: Findings) -> str:
    if value is None or value == "":
        return ""
    url = clean_url(value, schemes) if isinstance(value, str) else None
    if url is None:
        shown = quoted(value) if isinstance(value, str) else described(value)
        findings.leave_out(where, f"{shown} is not a link of {', '.join(sorted(schemes))}")
    return url or ""
