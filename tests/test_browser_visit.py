"""What a first visit loads, counted in real Chromium: all of it is told apart, and scripts come packed."""

from __future__ import annotations

import pytest

from vaelab.cli.bench import visit

pytestmark = pytest.mark.browser


@pytest.mark.slow  # a minute; test_packed.py has its parts
def test_a_first_visit_is_counted_and_its_scripts_are_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit, "QUIET_SECONDS", 30.0)  # a loaded machine is silent for long before all is there
    monkeypatch.setattr(visit, "MOST_SECONDS", 300.0)
    report = visit.measure(1, pages=("train",))
    found = {entry.contestant: entry.median for entry in report.entries}
    assert found["all files"] == pytest.approx(sum(found[kind] for kind in (*visit.KINDS, visit.PICTURES)))
    assert found["fonts"] > 0.1
    assert found["messages, unpacked"] > 0.0
    assert 0.2 < found["Streamlit's scripts and styles"] < 1.2  # MB; 2.4 as Streamlit sends them
    assert report.notes[0].startswith("train: the largest are /static/")
