from datetime import UTC, date, datetime, timedelta

import pytest

from packistry.web import words
from packistry.web.charts import daily

NOW = datetime(2026, 11, 19, 14, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59), "59 minutes ago"),
        (timedelta(hours=3), "3 hours ago"),
        (timedelta(hours=15), "yesterday"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(days=15), "4 Nov"),
        (timedelta(days=400), "15 Oct 2025"),
        (-timedelta(minutes=4), "in 4 minutes"),
        (-timedelta(hours=47), "in 47 hours"),
        (-timedelta(days=3), "in 3 days"),
    ],
)
def test_a_moment_is_told_as_people_do(before, said, monkeypatch):
    monkeypatch.setattr(words, "now", lambda: NOW)
    assert words.ago(NOW - before) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 B"), (999, "999 B"), (1234, "1.2 kB"), (412_000, "412 kB"), (18_400_000_000, "18 GB")],
)
def test_a_size_is_told_in_the_unit_that_fits(number, said):
    assert words.size(number) == said


def test_an_address_is_broken_between_its_parts_and_stays_text():
    told = words.breakable("https://git.acme.example/<a>")
    assert told.replace("<wbr>", "|") == "https://|git.|acme.|example/|&lt;a&gt;"


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 4), (1, 4), (9, 20), (100, 100), (101, 200), (3080, 4000)]
)
def test_a_chart_has_round_lines_up_to_its_highest_bar(highest, top):
    day = date(2026, 11, 19)
    chart = daily("Downloads", "Downloads", {day: highest}, day, day)
    assert chart.top == top
    assert len(chart.ticks) == 5
