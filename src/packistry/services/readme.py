"""Readmes as HTML that is safe to show: its authors are strangers, and hostile until proven."""

import re
from collections.abc import MutableMapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

LONGEST = 128 * 1024
"""What is beyond is left out: the worst of texts takes seconds, and far more when longer."""
FIRST_LEVEL = 3
"""The heading that a readme's highest one becomes: those above it are the page's."""
LAST_LEVEL = 6
DEEPEST = 20

_TAGS = {
    *("p", "br", "hr", "blockquote", "pre", "code", "em", "strong", "s", "a"),
    *("ul", "ol", "li", "h3", "h4", "h5", "h6"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {
    "a": {"href", "title"},
    "ol": {"start"},
    "pre": {"tabindex"},
    "table": {"tabindex"},
}
_SCHEMES = {"http", "https", "mailto"}
_BLANK = re.compile(r"\s+")


def render(text: str) -> str:
    """The HTML of a readme in Markdown, "" for an empty one.

    It holds no active content, no styles, no ids and loads nothing: HTML in it is read for its
    text, images become links to them, and links that lead nowhere from here are plain text.
    """
    html = _MARKDOWN.render(text[:LONGEST])
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel="nofollow noopener noreferrer ugc",
        strip_comments=True,
    ).strip()


class _Renderer(RendererHTML):
    def html_block(
        self, tokens: Sequence[Token], idx: int, _options: OptionsDict, _env: Any
    ) -> str:
        words = _words(tokens[idx].content)
        return f"<p>{words}</p>\n" if words else ""

    def html_inline(
        self, tokens: Sequence[Token], idx: int, _options: OptionsDict, _env: Any
    ) -> str:
        # The text between the tags is text of its own.
        return "<br>" if tokens[idx].content.lower().startswith("<br") else ""

    def image(
        self,
        tokens: Sequence[Token],
        idx: int,
        options: OptionsDict,
        env: MutableMapping[str, Any],
    ) -> str:
        token = tokens[idx]
        words = self.renderInlineAsText(token.children, options, env).strip() or "Image"
        linked = sum({"link_open": 1, "link_close": -1}.get(each.type, 0) for each in tokens[:idx])
        href = str(token.attrGet("src") or "")
        if linked > 0 or not _leads_somewhere(href):
            return _escape(words)
        return f'<a href="{_escape(href)}">{_escape(words)}</a>'

    def link_open(
        self,
        tokens: Sequence[Token],
        idx: int,
        options: OptionsDict,
        env: MutableMapping[str, Any],
    ) -> str:
        if not _leads_somewhere(str(tokens[idx].attrGet("href") or "")):
            # What is relative to its repository, or to a heading, which has no id here.
            tokens[idx].attrs = {}
        return self.renderToken(tokens, idx, options, env)

    def fence(
        self,
        tokens: Sequence[Token],
        idx: int,
        _options: OptionsDict,
        _env: MutableMapping[str, Any],
    ) -> str:
        # It scrolls by itself: the keyboard has to reach it.
        return f'<pre tabindex="0"><code>{_escape(tokens[idx].content)}</code></pre>\n'

    def code_block(
        self,
        tokens: Sequence[Token],
        idx: int,
        options: OptionsDict,
        env: MutableMapping[str, Any],
    ) -> str:
        return self.fence(tokens, idx, options, env)

    def table_open(
        self,
        _tokens: Sequence[Token],
        _idx: int,
        _options: OptionsDict,
        _env: MutableMapping[str, Any],
    ) -> str:
        return '<table tabindex="0">\n'


def _below_ours(state: Any) -> None:
    """Headings come below those of the page, and skip no level."""
    above = FIRST_LEVEL - 1
    shift: int | None = None
    for token in state.tokens:
        if token.type not in ("heading_open", "heading_close"):
            continue
        level = int(token.tag[1:])
        if token.type == "heading_open":
            shift = FIRST_LEVEL - level if shift is None else shift
            above = min(max(level + shift, FIRST_LEVEL), above + 1, LAST_LEVEL)
        token.tag = f"h{above}"


def _leads_somewhere(href: str) -> bool:
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    return parts.scheme in _SCHEMES and bool(parts.netloc or parts.scheme == "mailto")


def _words(html: str) -> str:
    """The text in HTML, escaped."""
    return _BLANK.sub(" ", nh3.clean(html, tags=set(), strip_comments=True)).strip()


def _escape(text: str) -> str:
    return nh3.clean_text(text) if text else ""


def _make() -> MarkdownIt:
    options = {"html": True, "maxNesting": DEEPEST}
    made = MarkdownIt("commonmark", options, renderer_cls=_Renderer)
    made.enable(["table", "strikethrough"])
    made.core.ruler.push("below_ours", _below_ours)
    return made


_MARKDOWN = _make()
