"""The forest: what it must keep by construction, and what it must never hold."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai.data.schema import Column, Kind, Role, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.errors import ConditionError, ModelError, PlanError
from medsynai.forest.forest import Forest, load
from medsynai.forest.order import order_of
from medsynai.forest.step import level_ranks
from medsynai.generator import Condition, Wanted
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

SMALL = Forest(min_leaf=20, trees=4)


def clinic(rows: int = 1500, seed: int = 0) -> Table:
    """Patients whose lab depends on sex and age; a cause of death only for the dead."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], rows)
    age = rng.integers(20, 90, rows).astype(float)
    dead = rng.random(rows) < age / 200
    cause = np.where(dead, rng.choice(["heart", "cancer"], rows), None)
    lab = (age / 10 + 3 * (sex == "m") + rng.normal(size=rows)).round(1)
    lab[rng.random(rows) < 0.15] = np.nan
    columns = (
        Column("lab", Kind.CONTINUOUS, minimum=-5, maximum=20, decimals=1, missing=True),
        Column("sex", Kind.BINARY, categories=("f", "m")),
        Column("age", Kind.INTEGER, minimum=20, maximum=89),
        Column("dead", Kind.BINARY, categories=("0", "1")),
        Column("cause", Kind.CATEGORICAL, categories=("cancer", "heart"), missing=True),
    )
    data = {
        "lab": lab,
        "sex": sex,
        "age": age,
        "dead": dead.astype(int).astype(str),
        "cause": cause,
    }
    frame = pd.DataFrame(
        {c.name: pd.Series(data[c.name]).astype(canonical_dtype(c)) for c in columns}
    )
    return Table(frame, Schema(columns))


@pytest.fixture(scope="module")
def fitted():
    return SMALL.fit(clinic())


def test_dependence_is_learnt_and_not_only_margins(fitted):
    table = clinic(seed=1)
    drawn = fitted.sample(1500).frame
    for frame in (drawn, table.frame):
        gap = frame.groupby("sex", observed=True)["lab"].mean()
        assert gap["m"] - gap["f"] == pytest.approx(3, abs=0.35)
    assert drawn["lab"].corr(drawn["age"]) == pytest.approx(
        table.frame["lab"].corr(table.frame["age"]), abs=0.08
    )
    assert drawn["lab"].isna().mean() == pytest.approx(0.15, abs=0.03)


def test_a_whole_sample_has_little_noise_of_its_own(fitted):
    real = clinic().frame
    share = [
        abs(
            (fitted.sample(1500, Seeds(s)).frame["sex"] == "m").mean() - (real["sex"] == "m").mean()
        )
        for s in range(5)
    ]
    assert max(share) < 0.01  # independent draws would miss by 0.013 on average


def test_threads_and_files_change_no_byte(fitted, tmp_path):
    again = SMALL.fit(clinic(), jobs=1)
    pd.testing.assert_frame_equal(fitted.sample(200).frame, again.sample(200).frame)
    fitted.save(tmp_path)
    opened = load(tmp_path)
    pd.testing.assert_frame_equal(fitted.sample(200).frame, opened.sample(200).frame)
    assert opened.settings == SMALL
    assert opened.order == fitted.order


def test_the_ledger_is_charged_before_a_row_is_read():
    class Poisoned(Table):
        def learnt(self):
            raise RuntimeError("a row was read")

    table, ledger = clinic(), Ledger()
    with pytest.raises(RuntimeError):
        SMALL.fit(Poisoned(table.frame, table.schema), ledger)
    assert ledger.guarantee == "unprotected"


def test_every_row_meets_the_condition_and_the_rest_follows_it(fitted):
    wanted = Condition((Wanted("sex", levels=("m",)), Wanted("lab", low=9.05, high=11.0)))
    drawn = fitted.sample(700, condition=wanted).frame
    assert len(drawn) == 700
    assert (drawn["sex"] == "m").all()
    assert drawn["lab"].between(9.05, 11.0).all()
    real = clinic(20_000, seed=3).frame
    real = real[(real["sex"] == "m") & real["lab"].between(9.05, 11.0)]
    # age is drawn after sex and before or after lab: its distribution must be the conditional one
    assert drawn["age"].mean() == pytest.approx(real["age"].mean(), abs=2.5)


def test_a_condition_late_in_the_order_is_weighted_not_forced(fitted):
    late = fitted.order[-1]
    assert fitted.schema[late].kind.is_number
    real = clinic(40_000, seed=5).frame
    drawn = (
        fitted.sample(600, condition=Condition((Wanted(late, low=85),))).frame
        if late == "age"
        else fitted.sample(600, condition=Condition((Wanted(late, low=11),))).frame
    )
    real = real[real[late] >= (85 if late == "age" else 11)]
    other = "lab" if late == "age" else "age"
    assert drawn[other].mean() == pytest.approx(
        real[other].mean(), abs=0.35 if other == "lab" else 3
    )


def test_an_impossible_condition_is_refused(fitted):
    with pytest.raises(ConditionError, match="f, m"):
        fitted.sample(5, condition=Condition((Wanted("sex", levels=("x",)),)))
    with pytest.raises(ConditionError):
        # men aged 20 with a lab beyond anything seen together
        fitted.sample(
            500,
            condition=Condition(
                (Wanted("age", high=20), Wanted("lab", low=14.0), Wanted("sex", levels=("f",)))
            ),
        )


def test_given_columns_are_kept_and_the_rest_follows_them():
    table = clinic()
    model = replace(SMALL, first=("age", "sex")).fit(table)
    kept = table.only(("age", "sex"))
    drawn = model.sample(len(table), given=kept).frame
    assert tuple(drawn.columns) == table.schema.names
    pd.testing.assert_frame_equal(drawn[["age", "sex"]], kept.frame)
    assert drawn["lab"].corr(drawn["age"]) > 0.5
    with pytest.raises(ConditionError, match="first"):
        model.sample(len(table), given=table.only(("lab",)))


def test_rare_levels_can_be_withheld():
    table = clinic(400)
    column = replace(table.schema["cause"], categories=("cancer", "heart", "once"))
    frame = table.frame.copy()
    frame["cause"] = frame["cause"].astype(canonical_dtype(column))
    frame.loc[7, "cause"] = "once"
    table = Table(frame, table.schema.replacing(column))
    model = replace(SMALL, min_level=3).fit(table)
    assert model.withheld == {"cause": 1}
    assert not (model.sample(5000).frame["cause"] == "once").any()
    with pytest.raises(ConditionError, match="cause that too few train patients have are never"):
        model.sample(9, condition=Condition((Wanted("cause", levels=("once",)),)))


def test_a_rare_level_is_exchanged_for_a_level_and_not_for_missing():
    table = clinic(400)
    levels = ("cancer", "heart", *(f"rare{i}" for i in range(100)))
    column = replace(table.schema["cause"], categories=levels, missing=True)
    said = np.where(np.arange(400) % 2, None, np.where(np.arange(400) % 4, "heart", "cancer"))
    said[np.arange(100) * 4] = [f"rare{i}" for i in range(100)]
    frame = table.frame.assign(cause=said)
    frame["cause"] = frame["cause"].astype(canonical_dtype(column))
    table = Table(frame, table.schema.replacing(column))
    made = replace(SMALL, min_level=3).fit(table).sample(4000).frame["cause"]
    assert abs(made.isna().mean() - 0.5) < 0.04


def test_leaves_hold_histograms_of_enough_rows(fitted):
    for step in fitted.steps:
        size = step.trees.size[step.trees.feature < 0]
        assert size.min() >= 20
        for start, n in zip(step.trees.start[:50], step.trees.size[:50], strict=True):
            inside = step.trees.codes[start : start + n].astype(int)
            assert (np.diff(inside) >= 0).all()  # sorted: the order of rows is gone


@pytest.mark.parametrize("rows", [1, 2, 7, 30])
def test_tiny_tables_give_rows(rows):
    drawn = Forest().fit(clinic(rows)).sample(50)
    assert len(drawn) == 50


def test_bad_settings_and_empty_tables_are_refused():
    with pytest.raises(PlanError, match="trees"):
        Forest(trees=0)
    with pytest.raises(PlanError, match="fraction"):
        Forest(fraction=0.0)
    with pytest.raises(ModelError, match="row"):
        Forest().fit(clinic(5).rows(np.array([], dtype=int)))
    with pytest.raises(PlanError, match="at least 1"):
        SMALL.fit(clinic(50)).sample(0)


def test_the_outcome_is_drawn_first_and_columns_asked_for_before_it():
    schema = clinic(10).schema
    schema = schema.replacing(replace(schema["dead"], role=Role.TARGET))
    assert order_of(schema, ("age",))[:2] == ("age", "dead")
    assert order_of(schema, ())[0] == "dead"


def test_levels_are_ordered_by_what_they_say_of_the_target():
    codes = np.repeat([0, 1, 2], 100)
    told = np.array([5.0, -5.0, 1.0])[codes][:, None]
    assert level_ranks(codes, np.bincount(codes), told)[:, 0].tolist() == [2.0, 0.0, 1.0]


def rare_outcome(rows: int, seed: int) -> Table:
    """2 % cases, whose marker lies elsewhere; the marker says nothing for the others."""
    rng = np.random.default_rng(seed)
    case = rng.random(rows) < 0.02
    marker = np.where(case, rng.normal(3, 0.5, rows), rng.normal(0, 1, rows))
    columns = (
        Column("case", Kind.BINARY, Role.TARGET, categories=("no", "yes")),
        Column("marker", Kind.CONTINUOUS, minimum=-9, maximum=9),
        *(Column(f"noise{i}", Kind.CONTINUOUS, minimum=-9, maximum=9) for i in range(3)),
    )
    frame = pd.DataFrame({"case": np.where(case, "yes", "no"), "marker": marker})
    for i in range(3):
        frame[f"noise{i}"] = rng.normal(size=rows)
    frame["case"] = frame["case"].astype(canonical_dtype(columns[0]))
    return Table(frame, Schema(columns))


def test_a_rare_outcome_keeps_its_relations_though_leaves_are_large():
    table = rare_outcome(4000, 0)

    def gap(schema: Schema) -> float:
        drawn = Forest(min_leaf=120, trees=6).fit(Table(table.frame, schema)).sample(20_000).frame
        means = drawn.groupby("case", observed=True)["marker"].mean()
        return float(means["yes"] - means["no"])

    named = table.schema
    nameless = named.replacing(replace(named["case"], role=Role.FEATURE))
    assert gap(named) == pytest.approx(3, abs=0.3)
    assert gap(nameless) < 2.5  # what the weights are for: without them the class is blurred


def test_pairs_of_many_codes_go_together_as_in_the_real_rows(tmp_path) -> None:
    rng, levels, rows = np.random.default_rng(5), 150, 6_000
    common = 1 / (np.arange(levels) + 20.0)
    first = rng.choice(levels, rows, p=common / common.sum())
    partner = rng.permutation(levels)
    second = np.where(rng.random(rows) < 0.7, partner[first], rng.integers(0, levels, rows))
    codes = tuple(f"d{i:03d}" for i in range(levels))
    schema = Schema(tuple(Column(n, Kind.CATEGORICAL, categories=codes) for n in "ab"))
    frame = pd.DataFrame(
        {
            name: pd.Categorical.from_codes(place, dtype=canonical_dtype(schema[name]))  # type: ignore[call-overload]
            for name, place in (("a", first), ("b", second))
        }
    )
    many = SMALL.fit(Table(frame, schema))
    drawn = many.sample(rows, Seeds(1)).frame
    many.save(tmp_path)
    pd.testing.assert_frame_equal(load(tmp_path).sample(rows, Seeds(1)).frame, drawn)
    a, b = (drawn[n].cat.codes.to_numpy().astype(int) for n in "ab")
    assert np.mean(b == partner[a]) > 0.55  # .70 in the real rows; .37 by the commonest eight alone


def of_traits(sizes: int, rows: int, role: Role) -> tuple[Table, np.ndarray]:
    """Two columns of codes alike in one of three ways: no single line has all their likenesses.

    Returns:
        The rows, and the place of the code of each triple of traits in the second column.
    """
    rng, many = np.random.default_rng(5), sizes**3
    codes = tuple(f"d{i:03d}" for i in range(many))
    traits = rng.integers(0, sizes, (3, rows))
    kept = np.where(rng.random((3, rows)) < 0.8, traits, rng.integers(0, sizes, (3, rows)))
    weight, place = sizes ** np.arange(3)[::-1], rng.permutation(many)
    columns = [Column(n, Kind.CATEGORICAL, categories=codes) for n in "ab"]
    schema = Schema((replace(columns[0], role=role), columns[1]))
    pairs = zip("ab", (weight @ traits, place[weight @ kept]), strict=True)
    frame = pd.DataFrame(
        {n: pd.Categorical.from_codes(c, dtype=canonical_dtype(schema[n])) for n, c in pairs}  # type: ignore[call-overload]
    )
    return Table(frame, schema), place


@pytest.mark.parametrize(
    ("sizes", "rows", "role", "leaf", "least"),
    [
        (6, 6_000, Role.FEATURE, 60, 0.52),  # .83 in the rows, .17 by chance, .42 by one order
        (3, 4_000, Role.TARGET, 200, 0.69),  # an outcome of few levels: .87, .33, .66
    ],
)
def test_codes_of_several_traits_are_told_apart_by_more_than_one_order(
    sizes: int, rows: int, role: Role, leaf: int, least: float
) -> None:
    table, place = of_traits(sizes, rows, role)
    drawn = Forest(min_leaf=leaf, trees=4).fit(table).sample(rows, Seeds(1)).frame
    a, b = (drawn[n].cat.codes.to_numpy().astype(int) for n in "ab")
    b, weight = np.argsort(place)[b], sizes ** np.arange(3)[::-1]
    alike = np.mean([(a // w) % sizes == (b // w) % sizes for w in weight])
    assert alike > least


def test_trees_grown_on_fewer_rows_than_they_are_given_are_filled_from_all():
    some = replace(SMALL, max_rows=600).fit(clinic())
    for step in some.steps:
        assert len(step.trees.codes) == 1500 * SMALL.trees
