"""The chapter on how training went."""

import math
import re
from dataclasses import replace

from medsynai.report.evidence import Evidence, ModelFacts
from medsynai.report.html import render
from medsynai.report.markup import NOTHING
from medsynai.report.training import training, trend

MARKS = [
    {"rounds": 50 * i, "train": 9.0 - i, "held": h, "recall": 0.5 + 0.1 * i}
    for i, h in enumerate((8.0, 6.0, 7.0), start=1)
]
CRITIC = [m | {"coverage": 0.5} for m in MARKS]
FACTS = {"rounds": 150, "ended": "held-out rows stopped gaining", "healthy": True, "losses": MARKS}


def told(evidence: Evidence, **changed) -> str:
    model = ModelFacts("vae", "Variational autoencoder", training=FACTS | changed)
    return str(training(replace(evidence, model=model, exhibits={})))


def test_curves_and_words_of_a_network(evidence):
    page = told(evidence)
    assert "ended after 150 rounds: held-out rows stopped gaining." in page
    assert "least at round 100 (6.00" in page
    assert page.count("<svg") == 2  # losses share one picture, recall has its own
    assert "train rows: from 8.00" in page and "held-out train rows: from 8.00" in page
    assert "Recall: real rows that are reached" in page
    assert "caution" not in page


def test_against_a_critic_losses_do_not_share_a_picture(evidence):
    page = told(evidence, losses=CRITIC)
    assert page.count("<svg") == 4 and "Distance to held-out train rows" in page
    assert "Coverage: share of levels that are drawn" in page


def test_an_alarm_is_said_first(evidence):
    page = told(evidence, healthy=False, ended="collapse: half of the levels are gone")
    assert page.index("An alarm ended training early") < page.index("Training ended after")
    assert "caution" in page


def test_figures_that_are_not_there_are_left_out(evidence):
    marks = [{"rounds": 10, "train": math.nan, "held": None}, {"rounds": 20, "train": 3.0}]
    page = told(evidence, losses=marks)
    assert page.count("<svg") == 1 and "nan" not in page.lower()
    assert "held-out loss" not in page and "held-out train rows" not in page


def test_no_network_and_no_contest_no_chapter(evidence):
    quiet = replace(evidence, model=ModelFacts("copula", "Gaussian copula"), exhibits={})
    assert training(quiet) is NOTHING
    assert 'href="#training"' not in render(quiet)


def test_candidates_stand_in_the_chapter_with_the_reason(evidence):
    rivals = [
        {"candidate": "forest", "loss": 0.1, "outcome": "chosen: the lowest loss"},
        {"candidate": "vae", "loss": None, "outcome": "failed: a time budget of 2 s is too small"},
    ]
    page = render(replace(evidence, exhibits={"candidates": rivals}))
    assert 'href="#training"' in page and "failed: a time budget of 2 s" in page
    assert page.count("failed: a time budget of 2 s") == 1


def test_a_line_of_one_look_or_one_value_is_drawn():
    alone = re.search(r'd="M(\d+) \d+ (\d+) \d+"', str(trend("x", [10.0], [("", [1.0])])))
    assert alone and alone[1] != alone[2]  # a line of no length is not seen
    assert "<path" in str(trend("x", [10.0, 20.0], [("", [2.0, 2.0])]))


def test_looks_at_which_images_were_copied_are_told_and_their_weights_are_not_the_best(evidence):
    flags = (0.0, 1.0, 1.0)
    marks = [m | {"near": 0.06, "copies": x} for m, x in zip(MARKS, flags, strict=True)]
    page = told(evidence, losses=marks)
    assert "At 2 of 3 looks more images" in page and "such weights were not kept" in page
    assert "least at round 50 (8.00" in page and "Copies" not in page
    every = told(evidence, losses=[m | {"copies": 1.0} for m in MARKS])
    assert "At every look more" in every and "least at round 100" in every
    assert "chance explains" not in told(evidence)
