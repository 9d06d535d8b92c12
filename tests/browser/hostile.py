"""What strangers may try: texts that would run in a browser wherever they are shown as they are.

`infest` puts them into every column of every row that holds somebody's words, as if no input had
refused any of them. Whatever runs calls `pwn`.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

from sqlalchemy import Enum, String, Table, Text, select, update
from zope.sqlalchemy import mark_changed

from packistry.models import (
    AutoImport,
    Delivery,
    DeliveryVerdict,
    OwedMail,
    Package,
    PassedProject,
    Purpose,
    RefVerdict,
    TagPin,
    Version,
    Webhook,
    WebhookState,
)
from packistry.models.base import Base, JSONText, now
from packistry.runtime import Runtime
from packistry.services.readme import render
from tests.browser.seed import Seeded, seed

PRODUCT = str(77777 * 99991)
"""Who shows it has worked a template out: so long that no time and no commit has it by chance."""

MARKUP = (
    "<script>pwn(1)</script>",
    '"><svg onload=pwn(1)>',
    "'><img src=x onerror=pwn(1)>",
    "</title></textarea></style></script></template><script>pwn(1)</script>",
    '" onfocus=pwn(1) autofocus tabindex=0 x="',
    "' onmouseover='pwn(1)' style='position:fixed;inset:0",
    "<details open ontoggle=pwn(1)><summary>x</summary></details>",
    '<iframe srcdoc="<script>parent.pwn(1)</script>"></iframe>',
    "<iframe src=javascript:parent.pwn(1)></iframe>",
    "<object data=javascript:pwn(1)></object><embed src=javascript:pwn(1)>",
    "<math><mtext><table><mglyph><style><!--</style>"
    "<img title='--&gt;&lt;img src=x onerror=pwn(1)&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=pwn(1)>'>",
    "<svg><animate onbegin=pwn(1) attributeName=x dur=1s></svg>",
    "<svg><style><img src=x onerror=pwn(1)></style></svg>",
    "<svg><a xlink:href=javascript:pwn(1)><text>x</text></a></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x xmlns=http://www.w3.org/2000/svg><script>pwn(1)</script></svg>#x'/></svg>",
    "<base href=//evil.example/><link rel=stylesheet href=//evil.example/a.css>",
    "<meta http-equiv=refresh content='0;url=javascript:pwn(1)'>",
    "<form action=javascript:pwn(1)><button autofocus>x</button></form>",
    "<a href=javascript:pwn(1)>x</a><input autofocus onfocus=pwn(1)>",
    "<video><source onerror=pwn(1)></video><audio src=x onerror=pwn(1)>",
    "<marquee onstart=pwn(1)>x</marquee><body onload=pwn(1)>",
    "<scr<script>ipt>pwn(1)</scr</script>ipt>",
    "{{77777*99991}} ${77777*99991} #{77777*99991} <%= 77777*99991 %> [[77777*99991]]",
    "{% print(77777*99991) %}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}{{constructor.constructor('pwn(1)')()}}",
    "&lt;script&gt;pwn(1)&lt;/script&gt; &#60;svg onload=pwn(1)&#62;",
    "\\x3cscript\\x3epwn(1)\\x3c/script\\x3e \\u003csvg onload=pwn(1)\\u003e",
    "%3Cscript%3Epwn(1)%3C/script%3E",
    "＜script＞pwn(1)＜/script＞ <ſcript>pwn(1)</ſcript> <İmg src=x onerror=pwn(1)>",
    "\u202e<svg onload=pwn(1)>\u202c \ufeff<script>pwn(1)</script>\u2028",
    "]]><script>pwn(1)</script> --><script>pwn(1)</script> --!><img src=x onerror=pwn(1)>",
    "`\"'><img/src=`x`onerror=pwn(1)>",
    "<img\tsrc=x\nonerror\r=pwn(1)>",
    "<x onpointerenter=pwn(1) contenteditable onbeforeinput=pwn(1) onanimationstart=pwn(1)>",
    "';pwn(1);// \";pwn(1);// */pwn(1)/* </script>",
)
ADDRESSES = (
    "javascript:pwn(1)",
    "JaVaScRiPt:pwn(1)//https://x.example",
    "javascript://x.example/%0Apwn(1)",
    "java\tscript:pwn(1)",
    " javascript:pwn(1)",
    "\x01javascript:pwn(1)",
    "javascript&colon;pwn(1)",
    "&#106;avascript:pwn(1)",
    "data:text/html,<script>parent.pwn(1)</script>",
    "data:text/html;base64,PHNjcmlwdD5wYXJlbnQucHduKDEpPC9zY3JpcHQ+",
    "vbscript:pwn(1)",
    "view-source:javascript:pwn(1)",
    "blob:null/x",
    "file:///etc/passwd",
    'https://x.example/" onmouseover=pwn(1) x="',
    "https://x.example/'><svg onload=pwn(1)>",
    "//evil.example/x",
    "https://javascript:pwn(1)@evil.example/",
)
MARKDOWN = """# [x](javascript:pwn(1)) <script>pwn(1)</script>
[a](JaVaScRiPt:pwn(1)) [b](java&#115;cript:pwn(1)) [c](&#x6A;avascript&colon;pwn(1))
[d](data:text/html,<script>pwn(1)</script>) [e]( \x01javascript:pwn(1)) [f](<java	script:pwn(1)>)
[g](vbscript:pwn(1) "' onmouseover=pwn(1) x='") [h](https://x.example/"onmouseover=pwn(1)")
![i](javascript:pwn(1)) ![j](data:image/svg+xml,<svg/onload=pwn(1)>) ![k"onerror="pwn(1)](https://x.example/x)
<javascript:pwn(1)> <https://x.example/"><svg/onload=pwn(1)>> [l][ref] [m]: javascript:pwn(1)

[ref]: javascript:pwn(1) "<svg onload=pwn(1)>"

<img src=x onerror=pwn(1)> <svg onload=pwn(1)> <a href="javascript:pwn(1)">y</a>
<b onmouseover=pwn(1)>z</b> <details open ontoggle=pwn(1)>x</details> <math href=javascript:pwn(1)>
<br/onload=pwn(1)>

<div onclick=pwn(1)>

```"><script>pwn(1)</script>
</code></pre><script>pwn(1)</script>
```

| <svg onload=pwn(1)> | `</code><svg onload=pwn(1)>` |
|:--|--:|
| [x](javascript:pwn(1)) | \\<script>pwn(1)\\</script> |

    </pre><script>pwn(1)</script>

<!-- --><script>pwn(1)</script><!-- <style>@import '//evil.example';</style> <?php pwn(1) ?>
<![CDATA[<svg onload=pwn(1)>]]>
"""

MANIFEST: dict[str, Any] = {
    "description": "x",
    "homepage": "x",
    "readme": "x",
    "license": ["x"],
    "keywords": ["x"],
    "type": "x",
    "time": "x",
    "authors": [{"name": "x", "email": "x", "homepage": "x", "role": "x"}],
    "support": dict.fromkeys(("issues", "source", "docs", "forum", "chat", "security"), "x"),
    "funding": [{"type": "x", "url": "x"}],
    "suggest": {"x": "x"},
    "conflict": {"x": "x"},
    "replace": {"x": "x"},
    "provide": {"x": "x"},
    "bin": ["x"],
    "extra": {"branch-alias": {"x": "x"}},
    "scripts": {"x": ["x"]},
    "abandoned": "x",
}

# Words of the code's own, what only it makes, and what is checked wherever it comes from.
OURS = {
    "audit_events": ("action", "kind"),
    "authentication_sources": ("uid", "icon", "provider", "secrets"),
    "deliveries": ("delivery",),
    "dists": ("reference", "storage_key", "sha1", "sha256"),
    "packages": ("uid", "name"),
    "projects": ("uid",),
    "ref_verdicts": ("kind",),
    "repositories": ("path",),
    "requirements": ("name",),
    "sessions": ("hash", "memo"),
    "sources": ("uid", "provider", "secrets", "webhook_secret"),
    "sync_items": ("kind",),
    "tag_pins": ("package", "identity"),
    "tokens": ("hash",),
    "users": ("password_hash",),
    "versions": ("normalized", "stability", "reference"),
    "webhooks": ("uid", "key", "secret", "farewell"),
}
# Tables that no page shows.
UNSEEN = frozenset(
    {
        *("branch_heads", "counters", "documents", "downloads", "intents", "leases"),
        *("one_time_links", "second_factors", "settings", "throttles"),
    }
)


def infest(runtime: Runtime, texts: tuple[str, ...]) -> Seeded:
    """Fills an empty installation, all of whose words are hostile."""
    seeded = seed(runtime)
    with runtime.transaction() as services:
        _add_the_rest(services.session, seeded.numbers)
    numbers = count()
    with runtime.transaction() as services:
        session = services.session
        # What is changed by tables and not by rows is rolled back otherwise.
        mark_changed(session)
        for table in Base.metadata.sorted_tables:
            if table.name not in UNSEEN:
                _rewrite(session, table, texts, numbers)
        session.execute(update(_table("readmes")).values(text=MARKDOWN, html=render(MARKDOWN)))
    return seeded


def _add_the_rest(session: Any, numbers: dict[str, Any]) -> None:
    """What `seed` has none of."""
    package, at = session.get(Package, numbers["package"]), now()
    home, project, source = package.repository_id, package.project, package.project.source_id
    made = {"source_id": source, "project": project}
    session.add_all(
        [
            Delivery(**made, changes=["x"], verdict=DeliveryVerdict.REFUSED),
            Delivery(**made, changes=["x"], verdict=DeliveryVerdict.ACCEPTED),
            AutoImport(source_id=source, repository_id=home, patterns=["x"], looked_at=at),
            PassedProject(
                source_id=source, repository_id=home, external_id="x", path="x", reason="x"
            ),
            RefVerdict(package_id=package.id, kind="tag", ref="x", reason="x"),
            TagPin(
                repository_id=home,
                package=package.name,
                identity="9.0.0.0",
                version="9.0.0",
                reference="a" * 40,
                ref="x",
                held_reference="b" * 40,
                held_at=at,
            ),
            OwedMail(email="x", purpose=Purpose.PASSWORD, due_at=None, failure="x", attempts=9),
        ]
    )
    for webhook in session.query(Webhook):
        webhook.state = WebhookState.BROKEN
    for version in session.query(Version):
        version.manifest = {**version.manifest, **MANIFEST}
    package.abandoned, package.type = "x", "x"


def _table(name: str) -> Table:
    return Base.metadata.tables[name]


def _rewrite(session: Any, table: Table, texts: tuple[str, ...], numbers: Iterator[int]) -> None:
    columns = [
        column
        for column in table.columns
        if column.name not in OURS.get(table.name, ())
        and isinstance(column.type, String | Text | JSONText)
        and not isinstance(column.type, Enum)
    ]
    key = table.c.get("id", next(iter(table.primary_key)))
    for row in session.execute(select(table)).mappings().all() if columns else ():
        values = {
            column.name: _hostile(column, row[column.name], texts, numbers) for column in columns
        }
        session.execute(update(table).where(key == row[key.name]).values(values))


def _hostile(column: Any, value: Any, texts: tuple[str, ...], numbers: Iterator[int]) -> Any:
    if isinstance(column.type, JSONText):
        return _within(value, texts, numbers)
    found = words(texts, next(numbers), getattr(column.type, "length", None) or 2000)
    # The ids of projects are printable: plugin.Project.
    return "".join(filter(str.isprintable, found)) if column.name == "external_id" else found


def _within(value: Any, texts: tuple[str, ...], numbers: Iterator[int]) -> Any:
    """The same, with a hostile text for each of its texts, and more such keys."""
    if isinstance(value, dict):
        more = {words(texts, next(numbers), 200): each for each in value.values()}
        return {key: _within(each, texts, numbers) for key, each in (value | more).items()}
    if isinstance(value, list):
        return [_within(each, texts, numbers) for each in value]
    return words(texts, next(numbers), 200) if isinstance(value, str) else value


def words(texts: tuple[str, ...], number: int, room: int) -> str:
    """The `number`-th text, with those after it that there is room for where it is markup."""
    mark = f" {number}"
    found = texts[number % len(texts)]
    for each in range(1, len(texts) if texts is MARKUP else 1):
        more = f"{found} {texts[(number + each) % len(texts)]}"
        if len(more) + len(mark) > room:
            break
        found = more
    return found[: room - len(mark)] + mark
