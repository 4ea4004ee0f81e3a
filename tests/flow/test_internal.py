"""The internal part of a release: written with the rest, and known to no document of it."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medsynai.api import Release, synthesize
from medsynai.errors import PlanError
from medsynai.flow.folder import check_target
from medsynai.flow.internal import write_internal
from medsynai.flow.sampling import Order, Target, sample

ODD = 77  # the row of the source, from 0, of a patient like nobody else
MEASURES = ("validity", "membership", "exposed")


def clinic(rows: int = 1_000) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "age": rng.normal(60, 9, rows).round().clip(40, 80),
            "sex": rng.choice(["female", "male"], rows),
            "crp": rng.gamma(2, 10, rows).round(1),
            "sodium": rng.normal(140, 3, rows).round(1),
            "died": rng.choice(["no", "yes"], rows),
        }
    )
    frame.loc[ODD, ["age", "crp", "sodium"]] = [18.0, 900.5, 99.5]
    return frame


@pytest.fixture(scope="module")
def copied() -> Release:
    """Every row is a real patient's, the odd one among those to learn from."""
    for seed in range(9):
        release = synthesize(
            clinic(), model="bootstrap", positive_control=True, measures=MEASURES, seed=seed
        )
        if 900.5 in set(release.frame["crp"]):
            return release
    raise AssertionError("the odd patient is never drawn")


@pytest.fixture(scope="module")
def folder(copied: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied.save(tmp_path_factory.mktemp("copied") / "release")


def records(folder: Path) -> list[dict[str, str]]:
    with (folder / "internal" / "records.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_odd_patient_is_named_by_the_number_of_the_source(folder: Path) -> None:
    assert str(ODD + 1) in [line["record"] for line in records(folder)]


def test_its_readme_says_that_it_must_not_leave(folder: Path) -> None:
    words = (folder / "internal" / "README.md").read_text(encoding="utf-8")
    assert "must not leave" in words and "records.csv" in words and "{" not in words
    assert (folder / "internal").stat().st_mode & 0o077 == 0


def test_groups_are_named_there(folder: Path) -> None:
    with (folder / "internal" / "groups.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert {"sex=female", "sex=male"} <= {line["group"] for line in lines}
    assert all(float(line["figure"]) > 0.7 for line in lines if line["attack"] == "membership")


def test_no_cell_of_the_source_is_there(folder: Path) -> None:
    for path in (folder / "internal").iterdir():
        text = path.read_text(encoding="utf-8")
        assert "900.5" not in text and "99.5" not in text, path.name


def test_no_document_of_the_release_knows_of_it(folder: Path) -> None:
    for name in ("report.html", "scores.json", "card.md", "ledger.json", "plan.toml"):
        text = (folder / name).read_text(encoding="utf-8")
        for mark in ("internal/", "records.csv", "groups.csv", "sex=female", 'false alarms":'):
            assert mark not in text, (name, mark)


def test_a_release_with_it_is_replaced_and_drawn_from_as_before(tmp_path: Path) -> None:
    release = synthesize(clinic(200), model="forest", measures=("validity",))
    place = release.save(tmp_path / "release")
    assert (place / "internal" / "README.md").is_file()
    assert "No record was asked" in (place / "internal" / "README.md").read_text("utf-8")
    check_target(place, overwrite=True)
    sample(place, Order(30, (), 0), Target(tmp_path / "more.csv"))
    assert len(pd.read_csv(tmp_path / "more.csv")) == 30
    shutil.rmtree(place / "internal")  # what a careful owner hands over
    sample(place, Order(30, (), 0), Target(tmp_path / "again.csv"))
    again = (tmp_path / "again.csv").read_bytes()
    assert again == (tmp_path / "more.csv").read_bytes()


def test_an_empty_list_is_a_file_all_the_same(tmp_path: Path) -> None:
    found = {"exposed": {"asked": 40, "train": 40, "chance": 0, "records": []}}
    write_internal(tmp_path / "internal", found)
    assert (tmp_path / "internal" / "records.csv").read_text("utf-8").strip() == "record"


def test_thorough_attacks_fit_the_model_again_and_list_their_targets(tmp_path: Path) -> None:
    release = synthesize(clinic(240), model="shuffle", attacks="thorough", measures=("shadow",))
    score = next(s for s in release.scores if s.name == "membership_shadow_auc")
    assert score.value is not None and score.control is not None and score.control > 0.9
    assert release.evidence.plan["attacks"] == "thorough"
    place = release.save(tmp_path / "release")
    with (place / "internal" / "targets.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 9  # one in twenty of 192 train rows
    assert all(1 <= int(line["record"]) <= 240 for line in lines)
    assert "targets.csv" in (place / "internal" / "README.md").read_text("utf-8")


@pytest.mark.parametrize("more", [{"keep": "sex"}, {"condition": "sex=female"}, {"mix_real": 0.1}])
def test_thorough_attacks_judge_a_models_own_rows(more: dict[str, object]) -> None:
    with pytest.raises(PlanError, match="thorough attacks"):
        synthesize(clinic(100), attacks="thorough", **more)  # type: ignore[arg-type]
