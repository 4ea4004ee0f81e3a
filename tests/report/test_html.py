"""The report file: offline, inert, linked, and it says what the evidence says."""

import base64
import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medsynai.data.schema import Column, Kind, Schema
from medsynai.evaluate.policy import Severity, Status, Verdict
from medsynai.evaluate.score import Family, Score
from medsynai.report import html
from medsynai.report.evidence import Evidence
from medsynai.report.scoreboard import board

VOID = {"meta", "br", "hr", "col"}


class Page(HTMLParser):
    """What a browser would find: elements, attributes, text; refuses unbalanced tags."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(source)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def having(self, attribute: str) -> list[str]:
        return [a[attribute] or "" for _, a in self.elements if attribute in a]


EVIL = "\" onload='alert(1)'><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


def poisoned(evidence: Evidence) -> Evidence:
    """Evidence in which every text that a user or a file may set is an attack."""
    exhibits: dict[str, Any] = {
        EVIL: [{EVIL: EVIL}],
        "histograms": [
            {"column": EVIL, "levels": [EVIL], "real": [1.0], "synthetic": [1.0]},
            {"column": EVIL, "edges": [0, 1], "real": [1.0], "synthetic": [1.0]},
        ],
        "correlation": {"columns": [EVIL], "real": [[1]], "synthetic": [[1]], "difference": [[0]]},
        "giveaways": [{"column": EVIL, "importance": 0.1, "words": EVIL}],
        "km": [
            {"title": EVIL, "unit": EVIL}
            | {k: {"time": [0, 1], "survival": [1.0, 0.5]} for k in ("real", "synthetic")}
        ],
    }
    score = Score(EVIL, EVIL, Family.PRIVACY, 0.1, "low", 99, EVIL, group=EVIL, note=EVIL)
    assert evidence.model is not None
    return replace(
        evidence,
        title=EVIL,
        data=replace(evidence.data, source=EVIL, credit=EVIL, licence=EVIL, contact=EVIL),
        schema=Schema((Column(EVIL, Kind.CATEGORICAL, categories=(EVIL,)),)),
        scores=(score, replace(score, group="", value=None)),
        model=replace(evidence.model, title=EVIL, about=EVIL, settings={EVIL: EVIL}, kept=(EVIL,)),
        ledger={"guarantee": EVIL, "entries": [{"purpose": EVIL, "note": EVIL}]},
        notes=(EVIL,),
        exhibits=exhibits,
        repairs={EVIL: 1},
        versions={EVIL: EVIL},
        hashes={EVIL: EVIL},
    )


def test_text_from_data_is_shown_and_never_run(evidence: Evidence) -> None:
    page = Page(html.render(poisoned(evidence)))
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img", "iframe", "object", "embed", "link", "base", "form"}
    attributes = {name for _, a in page.elements for name in a}
    assert not {a for a in attributes if a.startswith("on") or a in ("src", "srcset", "style")}
    assert page.text.count("<script>alert(1)</script>") >= 15


def test_nothing_is_asked_of_the_network(evidence: Evidence) -> None:
    source = html.render(evidence)
    page = Page(source)
    assert all(h.startswith("#") for h in page.having("href"))
    assert not re.search(r"url\(|@import|@font-face", html.style())
    assert not re.search(r"https?:|data:|//[a-z]", " ".join(page.having("content")))


def test_the_security_policy_allows_this_style_sheet_alone(evidence: Evidence) -> None:
    source = html.render(evidence)
    (css,) = re.findall(r"<style>(.*?)</style>", source, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    (rule,) = (p for p in Page(source).having("content") if "default-src" in p)
    assert rule.startswith("default-src 'none'; ") and f"style-src 'sha256-{digest}';" in rule
    assert "unsafe" not in rule


def test_links_lead_somewhere_and_ids_are_unique(evidence: Evidence) -> None:
    page = Page(html.render(evidence))
    ids = Counter(page.having("id"))
    assert max(ids.values()) == 1
    assert {h[1:] for h in page.having("href")} <= set(ids)
    cited = {h for h in page.having("href") if h.startswith("#ref-")}
    assert len(cited) == sum(i.startswith("ref-") for i in ids)


def test_pictures_have_words_for_those_who_do_not_see_them(evidence: Evidence) -> None:
    source = html.render(evidence)
    drawn = re.findall(r"<svg[^>]*>(.{0,40})", source)
    assert len(drawn) > 25
    labelled = re.findall(r'<svg[^>]* role="img" aria-label="[^"]{4,}"><title>', source)
    assert len(labelled) == len(drawn)


def test_headings_step_down_one_level_at_a_time(evidence: Evidence) -> None:
    levels = [int(t[1]) for t, _ in Page(html.render(evidence)).elements if re.match(r"h\d$", t)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


@pytest.mark.parametrize(
    ("status", "severity", "word"),
    [
        (Status.PASS, Severity.FAIL, "Passes the release policy Passes: all 1 gates"),
        (Status.WARN, Severity.FAIL, "Passes the release policy, with warnings Passes with"),
        (Status.FAIL, Severity.FAIL, "Does not pass the release policy Does not pass: 1 of 1"),
        (Status.INCONCLUSIVE, Severity.FAIL, "policy: an attack is inconclusive Cannot be"),
        (Status.NOT_ASSESSED, Severity.FAIL, "policy: something is not assessed Cannot be"),
    ],
)
def test_the_verdict_stands_first_in_words(
    evidence: Evidence, status: Status, severity: Severity, word: str
) -> None:
    gate = replace(evidence.verdict.gates[0], status=status, severity=severity)
    source = html.render(replace(evidence, verdict=Verdict((gate,))))
    text = Page(source).text
    assert word in text[: text.index("Do models trained")]
    colour = {Status.PASS: "pass", Status.WARN: "warn"}.get(status, "fail")
    assert f'class="verdict {colour}"' in source


def test_every_score_is_shown_with_its_anchors(evidence: Evidence) -> None:
    text = Page(html.render(evidence)).text
    for figure in ("0.868", "0.857 to 0.880", "0.878", "0.503", "0.971", "4.813"):
        assert figure in text
    assert "the optimiser did not settle" in text and "fewer than 50 rows" in text


def test_distances_stand_apart_from_evidence(evidence: Evidence) -> None:
    text = Page(html.render(evidence)).text
    assert text.index("not evidence of privacy") < text.index("Median distance to the closest")


def test_what_is_missing_is_said_not_left_out(evidence: Evidence) -> None:
    bare = replace(evidence, scores=(), exhibits={}, model=None, ledger={}, plan={})
    text = Page(html.render(bare)).text
    assert text.count("Not assessed: the panel gave no score here.") == 6
    assert text.count("Not assessed: the panel made no such exhibit.") == 4
    assert "nothing is known here of how the rows were made" in text
    assert "No differential privacy" not in text


def test_raised_risks_are_on_the_first_screen(evidence: Evidence) -> None:
    assert evidence.model is not None
    mixed = replace(evidence, model=replace(evidence.model, kept=("age",), mixed=0.25))
    text = Page(html.render(mixed)).text
    first = text[: text.index("Gates: what the policy asked")]
    assert "age hold real patients' values" in first and "25.0 % of the rows are real" in first
    assert "rows, real patients' among them, made from" in first
    kept = replace(evidence, model=replace(evidence.model, kept=("age",)))
    assert "rows with real patients' values in them, made from" in Page(html.render(kept)).text
    assert "synthetic rows, made from" in Page(html.render(evidence)).text


def test_strange_exhibits_become_tables(evidence: Evidence) -> None:
    strange = {
        "histograms": {"unexpected": 3.25},
        "km": [{"real": 12}],
        "pca": "skipped",
        "brand_new": {
            "scalar": 0.75,
            "rows": [{"a": 0.125, "note": "word"}],
            "by": {"x": {"y": 44}},
        },
    }
    text = Page(html.render(replace(evidence, exhibits=strange))).text
    for shown in ("3.250", "components: skipped", "0.750", "0.125", "word", "44"):
        assert shown in text


def test_a_missing_picture_says_why(evidence: Evidence) -> None:
    why = {"pca": "left out to save time", "association": "needs two columns"}
    text = Page(html.render(replace(evidence, exhibits={}, absent=why))).text
    assert "principal components Not assessed: left out to save time." in text
    assert "Relations between columns Not assessed: needs two columns." in text


def test_membership_is_told_by_false_alarms(evidence: Evidence) -> None:
    told = {"false_alarms": [0.01, 0.1], "found": {"distance": [0.013, 0.117]}}
    text = Page(html.render(replace(evidence, exhibits={"membership": told}))).text
    assert "Distance attack 1.0 % 1.3 % 10.0 % 11.7 %" in text


def test_columns_that_differ_most_come_first(evidence: Evidence) -> None:
    listed = [
        {"column": name, "levels": ["a", "b"], "real": [0.5, 0.5], "synthetic": [s, 1 - s]}
        for name, s in (("near", 0.49), ("far", 0.1), ("middle", 0.4))
    ]
    source = html.render(replace(evidence, exhibits={"histograms": listed}))
    assert source.index(">far<") < source.index(">middle<") < source.index(">near<")


def test_a_wide_table_stays_small(evidence: Evidence) -> None:
    rng = np.random.default_rng(1)
    names = [f"column_{i}" for i in range(120)]
    edges = list(range(25))
    grid = np.round(rng.uniform(-1, 1, (120, 120)), 3).tolist()
    wide = {
        "histograms": [
            {"column": n, "edges": edges, "real": [0.04] * 24, "synthetic": [0.05] * 24}
            for n in names
        ],
        "correlation": {"columns": names, "real": grid, "synthetic": grid, "difference": grid},
    }
    source = html.render(replace(evidence, exhibits=wide))
    assert len(source.encode()) < 1_500_000
    assert "60 further columns are in scores.json." in source


def test_the_same_evidence_gives_the_same_bytes() -> None:
    here = Path(__file__).parent
    code = (
        "import importlib.util as u, hashlib;"
        f"s = u.spec_from_file_location('c', {str(here / 'conftest.py')!r});"
        "c = u.module_from_spec(s); s.loader.exec_module(c);"
        "from medsynai.report import card, html;"
        "e = c.build(); t = html.render(e) + card.card(e) + e.to_json();"
        "print(hashlib.sha256(t.encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_what_is_no_better_than_shuffled_is_not_trusted(evidence: Evidence) -> None:
    def first(pairs: float) -> tuple[str, str]:
        scores = [replace(s, value=pairs) if s.name == "tvd_pairs" else s for s in evidence.scores]
        text = Page(html.render(replace(evidence, scores=tuple(scores)))).text
        trust, doubt = text[: text.index("Gates: what")].split("What to trust")[1].split("What not")
        return trust, doubt

    trust, doubt = first(0.15)
    assert "Pairs of columns" not in trust and "no better than shuffled columns (0.148)" in doubt
    trust, doubt = first(0.1)
    assert "Pairs of columns" in trust and "shuffled columns (" not in doubt


def test_one_failed_gate_takes_a_family_out_of_what_to_trust(evidence: Evidence) -> None:
    gates = tuple(
        replace(g, status=Status.FAIL) if g.name == "linkability" else g
        for g in evidence.verdict.gates
    )
    text = Page(html.render(replace(evidence, verdict=Verdict(gates)))).text
    trust, doubt = text[: text.index("Gates: what")].split("What to trust")[1].split("What not")
    assert "Attacks on patients" not in trust and "Linkability: residual risk: fail" in doubt
    whole = Page(html.render(evidence)).text
    assert "Attacks on patients: 2 of 3 gates pass." in whole


@pytest.mark.parametrize(("control", "shown"), [(None, False), (0.017, True)])
def test_what_a_copy_scores_stands_in_the_table_where_it_is_known(control, shown) -> None:
    score = Score("next_tvd", "What follows", Family.FIDELITY, 0.03, "low", 99, "", control=control)
    table = str(board([score], {}, "Scores"))
    assert (">Copy<" in table) is shown and ("0.017" in table) is shown
