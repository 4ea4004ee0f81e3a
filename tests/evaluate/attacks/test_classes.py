"""Classes of equal quasi-identifiers: attribution, anonymity, presence, by hand-made tables."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from medsynai.data.schema import Column, Kind, Role, Schema
from medsynai.data.table import Table
from medsynai.evaluate.attacks import anonymity, attribution
from medsynai.evaluate.attacks.classes import classes, known_and_other
from medsynai.evaluate.attacks.lineup import Round
from medsynai.evaluate.score import Score
from medsynai.evaluate.trial import Trial

SCHEMA = Schema(
    (
        Column("sex", Kind.BINARY, Role.QUASI, categories=("f", "m")),
        Column("area", Kind.CATEGORICAL, Role.QUASI, categories=tuple("abcdefgh")),
        Column("stage", Kind.ORDINAL, categories=("I", "II")),
        Column("hiv", Kind.BINARY, Role.SENSITIVE, categories=("no", "yes")),
    )
)


def table(frame: pd.DataFrame, origin: str = "real") -> Table:
    cells = {
        c.name: pd.Categorical(frame[c.name], categories=list(c.categories or ()))
        for c in SCHEMA.columns
    }
    return Table(pd.DataFrame(cells), SCHEMA, origin)  # type: ignore[arg-type]


def people(n: int, seed: int, odd: bool = False) -> pd.DataFrame:
    """Secrets that have nothing to do with sex and area; `odd`: area decides them."""
    rng = np.random.default_rng(seed)
    area = rng.choice(list("abcdefgh"), n)
    hiv = np.where(np.isin(area, list("abc")), "yes", "no") if odd else rng.choice(["no", "yes"], n)
    columns = {"sex": rng.choice(["f", "m"], n), "area": area, "stage": rng.choice(["I", "II"], n)}
    return pd.DataFrame(columns | {"hiv": hiv})


def scores(module: object, trial: Trial) -> dict[str, Score]:
    return {s.name: s for s in module.measure(trial).scores}  # type: ignore[attr-defined]


def test_cap_and_tcap_by_hand() -> None:
    """Three released rows of class 0 say 1, 1, 0; two of class 1 say 0, 0; none is of class 2."""
    held, said = np.array([0, 0, 0, 1, 1]), np.array([[1], [1], [0], [0], [0]])
    group, secret = np.array([0, 0, 1, 1, 2]), np.array([[1], [0], [0], [1], [1]])
    cap, tcap = attribution._told(group, secret, held, said)
    assert cap[:, 0] == pytest.approx([2 / 3, 1 / 3, 1, 0, 0])
    assert np.isnan(tcap[[0, 1, 4], 0]).all()  # not of one mind, or nobody there
    assert tcap[[2, 3], 0].tolist() == [1, 0]


def test_one_row_alone_is_not_of_one_mind() -> None:
    _, tcap = attribution._told(np.array([0]), np.array([[1]]), np.array([0]), np.array([[1]]))
    assert np.isnan(tcap).all()


def test_what_everybody_could_know_is_no_risk(trial_of: Callable[..., Trial]) -> None:
    """Where the area decides the secret, holdout rows are told as surely as train rows."""
    parts = [table(people(600, s, odd=True)) for s in (1, 2, 3)]
    found = scores(attribution, trial_of(*parts))
    exhibit = attribution.measure(trial_of(*parts)).exhibits["attribution"]
    told = next(line for line in exhibit if line["column"] == "hiv")
    assert told["cap"] > 0.99 and told["cap, holdout"] > 0.99
    assert found["cap"].value is None and "no power" in found["cap"].note  # nor does a copy tell


def test_a_memorised_secret_is_a_risk(trial_of: Callable[..., Trial]) -> None:
    """Everybody has an area of his own, and the release repeats the train rows."""
    rng = np.random.default_rng(7)
    schema = Schema(
        (
            Column("age", Kind.CONTINUOUS, Role.QUASI),
            Column("day", Kind.CONTINUOUS, Role.QUASI),
            Column("hiv", Kind.BINARY, Role.SENSITIVE, categories=("no", "yes")),
        )
    )

    def draw() -> Table:
        hiv = pd.Categorical(rng.choice(["no", "yes"], 600), categories=["no", "yes"])
        frame = {"age": rng.random(600), "day": rng.random(600), "hiv": hiv}
        return Table(pd.DataFrame(frame), schema)

    train, holdout, fresh = draw(), draw(), draw()
    caught = scores(attribution, trial_of(train, holdout, train))
    safe = scores(attribution, trial_of(train, holdout, fresh))
    assert caught["cap"].low is not None and caught["cap"].low > 0.4
    assert safe["cap"].low is not None and safe["cap"].low < 0 < (safe["cap"].high or 0)
    present = scores(anonymity, trial_of(train, holdout, train))["presence"]
    absent = scores(anonymity, trial_of(train, holdout, fresh))["presence"]
    assert present.value == 1.0
    assert absent.low is not None and absent.low < 0.05


def test_k_l_and_t_by_hand(trial_of: Callable[..., Trial]) -> None:
    real = [table(people(60, s)) for s in (1, 2)]
    rows = (
        [("f", "a", "I", "yes")] * 12 + [("m", "a", "I", "no")] * 20 + [("m", "b", "I", "yes")] * 4
    )
    rows += [("m", "b", "I", "no")] * 4
    released = table(pd.DataFrame(rows, columns=list(SCHEMA.names)), "synthetic")
    found = scores(anonymity, trial_of(*real, released))
    assert found["k_anonymity"].value == 8
    assert found["k_small"].value == pytest.approx(8 / 40)
    assert found["l_diversity"].value == 1  # all women of area a have it
    assert found["t_closeness"].value == pytest.approx(1 - 16 / 40)
    for name in ("k_anonymity", "k_small", "l_diversity", "t_closeness"):
        assert found[name].information and "no evidence" in found[name].note


def test_ordered_secrets_are_as_far_as_they_must_be_moved(trial_of: Callable[..., Trial]) -> None:
    """Li et al. 2007: salaries 3, 4, 5 of 3 to 11 lie .375 from all nine."""
    nine = tuple(str(v) for v in range(3, 12))
    schema = Schema((Column("q", Kind.BINARY, Role.QUASI, categories=("x", "y")),
                     Column("salary", Kind.ORDINAL, Role.SENSITIVE, categories=nine)))  # fmt: skip
    rng = np.random.default_rng(1)

    def of(quasi: list[str], salary: tuple[str, ...]) -> Table:
        cells = {"q": pd.Categorical(quasi, categories=["x", "y"])}
        cells["salary"] = pd.Categorical(salary, categories=nine, ordered=True)
        return Table(pd.DataFrame(cells), schema)

    real = [of(list(rng.choice(["x", "y"], 270)), nine * 30) for _ in range(2)]
    quasi = (["x"] * 3 + ["y"] * 6) * 5
    found = scores(anonymity, trial_of(*real, of(quasi, nine * 5)))
    assert found["t_closeness"].value == pytest.approx(0.375, abs=0.001)


def test_classes_are_the_same_for_every_table(clinic: Callable[[int, int], Table]) -> None:
    train, holdout = clinic(300, 1), clinic(300, 2)
    round_ = Round(train, holdout, train, np.arange(300))
    names = ["sex", "crp"]
    a, b = classes(round_, names, train, train)
    assert (a == b).all() and 2 * 15 < len(np.unique(a)) <= 2 * 21


def test_without_roles_the_reason_is_said(
    clinic: Callable[[int, int], Table], trial_of: Callable[..., Trial]
) -> None:
    trial = trial_of(*(clinic(100, s).only(("stage", "crp")) for s in (1, 2, 3)))
    assert known_and_other(trial)[0] == []
    for module in (attribution, anonymity):
        for score in module.measure(trial).scores:
            assert score.value is None and "no quasi-identifiers" in score.note
