"""Bitbucket's JSON, taken apart with care: what has another form is no answer."""

from collections.abc import Mapping
from typing import Any

from packistry.plugin import HttpResponse, Unavailable


def mapping(response: HttpResponse) -> Mapping[str, Any]:
    """The answer as an object."""
    found = response.json()
    if not isinstance(found, dict):
        raise Unavailable("Bitbucket answered with something unexpected.", response=response)
    return found


def values(response: HttpResponse) -> list[Mapping[str, Any]]:
    """What a page of a list holds."""
    found = mapping(response).get("values")
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise Unavailable("Bitbucket answered with something unexpected.", response=response)
    return found


def next_page(response: HttpResponse) -> str | None:
    """Where Bitbucket Cloud says that a list goes on."""
    following = mapping(response).get("next")
    return following if isinstance(following, str) and following else None


def link(described: Mapping[str, Any], *names: str) -> str:
    """The first of the links so named: {"links": {"html": {"href": …}}}, or lists of them."""
    links = described.get("links")
    for name in names:
        found = links.get(name) if isinstance(links, dict) else None
        if isinstance(found, list):
            found = found[0] if found else None
        if isinstance(found, dict) and isinstance(found.get("href"), str):
            return str(found["href"])
    return ""


def clone_url(described: Mapping[str, Any], *names: str) -> str:
    """The link for cloning that has one of the names, "https" or "http"; "" without one."""
    links = described.get("links")
    clones = links.get("clone") if isinstance(links, dict) else None
    for each in clones if isinstance(clones, list) else ():
        if isinstance(each, dict) and each.get("name") in names:
            return str(each.get("href") or "")
    return ""
