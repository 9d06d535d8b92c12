"""Readmes are shown as they were meant, and do nothing."""

import pytest
from bs4 import BeautifulSoup

from packistry.services.readme import LONGEST, render

pytestmark = pytest.mark.any_database

ATTACKS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "[x](javascript:alert(1))",
    "[x](JaVa&#x0A;Script:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:x) [y](//evil.example/x) <javascript:alert(1)>",
    "![x](javascript:alert(1))",
    "![x](https://h/x.png \"a' onerror='alert(1)\")",
    "<form action=x><input name=csrf><button>go</button></form>",
    "<iframe src=//x></iframe><object data=x></object><embed src=x><base href=//x>",
    "<a id=main name=csrf style='position:fixed' class=toast href=https://x>x</a>",
    "```\n</code></pre><script>alert(1)</script>\n```",
    "|a|\n|-|\n|<img src=x onerror=alert(1)>|",
    "<style>*{display:none}</style><link rel=stylesheet href=//x><meta http-equiv=refresh>",
    "<div\nonclick=alert(1)\n>x</div>\n\n<noscript><p title='</noscript><img src=x onerror=y>'>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src onerror=y>'>",
)
ALLOWED = {"href", "title", "rel", "start", "tabindex"}


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_active_comes_out(attack: str) -> None:
    html = BeautifulSoup(render(f"before\n\n{attack}\n\nafter"), "html.parser")
    assert html.get_text().startswith("before")
    for tag in html.find_all(True):
        assert set(tag.attrs) <= ALLOWED, tag
        assert tag.name not in {"script", "style", "img", "svg", "form", "input", "iframe", "math"}
        assert str(tag.get("href", "https:")).startswith(("https:", "http:", "mailto:")), tag


def test_it_is_markdown_whose_headings_come_below_those_of_the_page() -> None:
    html = BeautifulSoup(render("# A\n### B\n# C\n\n- *x*\n\n|a|\n|-|\n|b|"), "html.parser")
    assert [(tag.name, tag.get_text()) for tag in html.select("h3, h4, h5")] == [
        ("h3", "A"),
        ("h4", "B"),
        ("h3", "C"),
    ]
    assert html.select_one("li em") is not None
    assert html.select_one("table td") is not None


def test_images_become_links_and_what_leads_nowhere_becomes_text() -> None:
    text = "![logo](https://h/x.png) [![CI](https://h/ci.svg)](https://ci) [m](./m.md) ![r](r.png)"
    html = BeautifulSoup(render(text), "html.parser")
    links = [(tag["href"], tag.get_text()) for tag in html.select("a[href]")]
    assert links == [("https://h/x.png", "logo"), ("https://ci", "CI")]
    assert html.get_text().strip() == "logo CI m r"


def test_html_in_it_is_read_for_its_text() -> None:
    assert render('<h1 align="center">Acme &amp; sons</h1>') == "<p>Acme &amp; sons</p>"


def test_a_long_one_is_cut() -> None:
    assert len(render("x" * 10 * LONGEST)) < LONGEST + 100
