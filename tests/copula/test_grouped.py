"""The grouped copula against known answers."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr

from medsynai.copula import gaussian
from medsynai.copula.grouped import GroupedCopula
from medsynai.copula.groups import groups_of, separating
from medsynai.data.schema import Column, Kind, Role, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.errors import ConditionError, PlanError
from medsynai.generator import Condition, Wanted
from medsynai.models.catalog import open_model
from medsynai.seeds import Seeds

GROUP = Column("group", Kind.CATEGORICAL, Role.TARGET, categories=("a", "b", "c"))
SITE = Column("site", Kind.BINARY, categories=("east", "west"))
X, Y = Column("x", Kind.CONTINUOUS), Column("y", Kind.CONTINUOUS, missing=True)


def ward(rows: int = 6000, target: bool = True) -> Table:
    """Means apart by group, one correlation within them; y is never measured in group b."""
    rng = np.random.default_rng(1)
    group = rng.choice(3, rows, p=[0.5, 0.3, 0.2])
    x = rng.standard_normal(rows) * np.array([1.0, 0.5, 1.0])[group] + np.array([0, 3, -2])[group]
    away = (x - np.array([0, 3, -2])[group]) / np.array([1.0, 0.5, 1.0])[group]
    y = 0.8 * away + 0.6 * rng.standard_normal(rows) + 2 * group
    y[group == 1] = np.nan
    west = (rng.random(rows) < 0.3) & (group != 2)  # nobody of group c is in the west
    site = np.where(west, "west", "east")
    named = Column("group", Kind.CATEGORICAL, categories=GROUP.categories)
    columns = (GROUP if target else named, SITE, X, Y)
    frame = pd.DataFrame(
        {
            "group": pd.Series(np.array(["a", "b", "c"])[group], dtype=object),
            "site": pd.Series(site, dtype=object),
            "x": x,
            "y": y,
        }
    )
    for column in (GROUP, SITE):
        frame[column.name] = frame[column.name].astype(canonical_dtype(column))
    return Table(frame, Schema(columns))


@pytest.fixture(scope="module")
def table() -> Table:
    return ward()


@pytest.fixture(scope="module")
def fitted(table):
    return GroupedCopula(cells=100).fit(table)


def test_each_group_keeps_its_law(table, fitted):
    drawn = fitted.sample(6000, Seeds(1)).frame
    for name, real in table.frame.groupby("group", observed=True):
        mine = drawn[drawn["group"] == name]
        assert abs(len(mine) - len(real)) <= 1  # shares to within one row
        assert abs(mine["x"].mean() - real["x"].mean()) < 0.1
        assert abs(mine["x"].std() - real["x"].std()) < 0.1
        assert mine["y"].isna().all() == real["y"].isna().all()
        if name != "b":
            assert abs(mine["x"].corr(mine["y"]) - 0.8) < 0.05


def test_groups_together_keep_the_margin(fitted):
    """sum_g share_g P_g(cell) = P(cell)."""
    x = fitted.schema.names.index("x")
    mixed = sum(
        share * part.cells[x].edges for share, part in zip(fitted.shares, fitted.parts, strict=True)
    )
    assert np.allclose(mixed, fitted.whole[x].edges, atol=1e-4)


def test_a_condition_weighs_the_groups_as_their_rows_do(fitted):
    """P(group | x > 1.5, site = east) from the conditional draw and from draws that happen so."""
    asked = Condition((Wanted("x", low=1.5), Wanted("site", levels=("east",))))
    direct = fitted.sample(8000, Seeds(2), asked)
    free = fitted.sample(60000, Seeds(3))
    kept = free.frame[asked.met_by(free)]
    assert asked.met_by(direct).all()
    for name in "abc":
        shares = [(f["group"] == name).mean() for f in (direct.frame, kept)]
        assert shares[0] == pytest.approx(shares[1], abs=0.02)
    means = [f.groupby("group", observed=True)["x"].mean()["a"] for f in (direct.frame, kept)]
    assert means[0] == pytest.approx(means[1], abs=0.05)


@pytest.mark.parametrize("least", [15, 20, 25, 30])
def test_no_share_of_cells_passes_one(least):
    """A border of 1 + 2e-16 has no normal score: what is asked above it came out missing."""
    for part in GroupedCopula(cells=100, min_cell=least).fit(ward()).parts:
        drawn = part.sample(5, Seeds(1), Condition((Wanted("x", low=1.5),))).frame
        assert (drawn["x"] >= 1.5).all()


def test_kept_columns_weigh_the_groups_as_bayes_does(fitted):
    """Given x and site of the model's own rows, groups come back as often as they were."""
    free = fitted.sample(8000, Seeds(4))
    given = free.only(("site", "x"))
    drawn = fitted.sample(8000, Seeds(5), Condition(), given)
    pd.testing.assert_frame_equal(drawn.frame[["site", "x"]], given.frame)
    west = (given.frame["site"] == "west").to_numpy()
    assert not (drawn.frame["group"][west] == "c").any()
    bins = pd.cut(free.frame["x"], [-9, -3, -2, -1, 0, 1, 9])
    for interval in bins.cat.categories:
        at = (bins == interval).to_numpy() & ~west
        shares = [(f["group"][at] == "c").mean() for f in (drawn.frame, free.frame)]
        assert shares[0] == pytest.approx(shares[1], abs=0.05)


def test_a_kept_gap_names_its_group(fitted):
    given = fitted.sample(2000, Seeds(4)).only(("y",))
    drawn = fitted.sample(2000, Seeds(5), Condition(), given).frame
    assert drawn["y"].equals(given.frame["y"])
    assert (drawn["group"][drawn["y"].isna()] == "b").all()
    assert not (drawn["group"][drawn["y"].notna()] == "b").any()


def test_kept_groups_decide_alone(table, fitted):
    given = table.rows(np.arange(500)).only(("group",))
    drawn = fitted.sample(500, Seeds(6), Condition(), given).frame
    assert drawn["group"].tolist() == given.frame["group"].tolist()
    assert (drawn["x"][drawn["group"] == "b"] > 0.5).all()


def test_what_never_occurs_together_is_refused(fitted):
    asked = Condition((Wanted("group", levels=("c",)), Wanted("site", levels=("west",))))
    with pytest.raises(ConditionError, match="group, site never occurs together"):
        fitted.sample(10, Seeds(7), asked)


def test_a_group_is_of_patients_and_so_are_the_values_that_part_it():
    """Forty stays of one patient are neither a group nor a law of y in a group."""
    table = ward(4000)
    group, y = table.frame["group"].to_numpy(object), table.frame["y"].to_numpy().copy()
    whose = np.arange(len(table))
    lone = np.flatnonzero(group == "c")
    whose[lone] = whose[lone[0]]
    assert len(groups_of(table.frame["group"], 30, whose)) == 2  # c goes with b, the smaller
    assert len(groups_of(table.frame["group"], 30)) == 3
    of_b = np.flatnonzero(group == "b")[:60]
    y[of_b], whose[of_b] = 40 + np.linspace(0, 1, 60), whose[of_b[0]]
    owned = Table(table.frame.assign(y=y), table.schema, patients=whose)
    known = Table(owned.frame, owned.schema)
    names, at = owned.schema.names, 1

    def edges(rows: Table) -> np.ndarray:
        fitted = GroupedCopula(min_group=20).fit(rows)
        return fitted.parts[at].cells[names.index("y")].edges

    whole = GroupedCopula(min_group=20).fit(owned).whole[names.index("y")].edges
    assert np.allclose(edges(owned), whole)
    assert len(edges(known)) != len(whole) or not np.allclose(edges(known), whole)


def test_groups_of_unlike_gaps_are_saved_whole(fitted, tmp_path):
    fitted.save(tmp_path)
    opened = open_model(tmp_path)
    assert opened.by == "group"
    for seeds in (Seeds(8), Seeds(9)):
        one, two = fitted.sample(90, seeds), opened.sample(90, seeds)
        pd.testing.assert_frame_equal(one.frame, two.frame)


def test_without_a_target_the_column_that_parts_the_numbers_is_taken():
    table = ward(600, target=False)
    assert GroupedCopula().fit(table).by == "group"
    assert GroupedCopula(by="site").fit(table).by == "site"
    with pytest.raises(PlanError, match="'x' is not"):
        GroupedCopula(by="x").fit(table)


def test_a_column_of_chance_parts_nothing():
    """Fifty columns of noise: eta squared is above 0 for each, adjusted it is 0 on average."""
    rng = np.random.default_rng(4)
    site = pd.Series(rng.choice(["east", "west"], 100), dtype=object)
    noise = rng.standard_normal((100, 50))
    columns = tuple(Column(f"x{i}", Kind.CONTINUOUS) for i in range(50))
    frame = pd.DataFrame(noise, columns=[c.name for c in columns])
    frame.insert(0, "site", site.astype(canonical_dtype(SITE)))
    chance = Table(frame, Schema((SITE, *columns)))
    scores = np.column_stack([np.zeros(100), noise])
    assert separating(chance, scores, 30) is None
    scores[:, 1:20] += np.where(site == "west", 1.0, 0.0)[:, None]
    assert separating(chance, scores, 30) == "site"


def test_rare_levels_and_gaps_share_a_group_of_enough_rows():
    def sizes(counts: dict[str | None, int]) -> list[int]:
        values = [k for k, n in counts.items() for _ in range(n)]
        levels = sorted(k for k in counts if k)
        members = groups_of(pd.Series(pd.Categorical(values, categories=levels)), 30)
        assert (sum(members) == 1).all()
        return sorted(int(m.sum()) for m in members)

    assert sizes({"a": 50, "b": 40}) == [40, 50]
    assert sizes({"a": 50, "b": 20, "c": 15}) == [35, 50]
    assert sizes({"a": 50, "b": 40, "c": 3}) == [43, 50]  # three rows are joined by b
    assert sizes({"a": 50, "b": 40, None: 35}) == [35, 40, 50]
    assert sizes({"a": 20, "b": 3}) == [23]


def test_no_patients_extreme_comes_out():
    table = ward(300)
    frame = table.frame.copy()
    frame.loc[7, "x"] = 1000.0
    drawn = GroupedCopula().fit(Table(frame, table.schema)).sample(20000, Seeds(1)).frame
    assert 3 < drawn["x"].max() < 200


def test_a_planted_factor_is_found_and_what_is_beyond_it_left_out():
    loads = np.linspace(0.3, 0.9, 8)
    planted = np.outer(loads, loads)
    np.fill_diagonal(planted, 1.0)
    assert np.allclose(gaussian.factorise(planted, 1), planted, atol=0.01)
    pair = planted.copy()
    pair[0, 1] = pair[1, 0] = 0.7  # a tie of two columns that one factor cannot explain
    assert abs(gaussian.factorise(pair, 1)[0, 1] - 0.7) > 0.2
    assert np.array_equal(gaussian.factorise(pair, 8), pair)


def test_the_likelihood_of_spans_is_their_share_of_draws():
    correlation = np.array([[1.0, 0.9, -0.3], [0.9, 1.0, 0.0], [-0.3, 0.0, 1.0]])
    rng = np.random.default_rng(4)
    z = rng.standard_normal((400_000, 3)) @ np.linalg.cholesky(correlation).T
    within = {
        0: (ndtr(np.array([[0.5]])), np.array([[1.0]])),
        1: (np.array([[0.0, 0.6]]), np.array([[0.3, 0.9]])),  # two spans
        2: (np.array([[0.0]]), np.array([[0.4]])),
    }
    u = ndtr(z)
    inside = (z[:, 0] > 0.5) & (u[:, 2] < 0.4)
    inside &= (u[:, 1] < 0.3) | ((u[:, 1] > 0.6) & (u[:, 1] < 0.9))
    found = np.exp(gaussian.log_likelihood(correlation, within, 20_000, rng))
    assert found == pytest.approx([inside.mean()], rel=0.03)
    alone = gaussian.log_likelihood(correlation, {1: within[1]}, 1, rng)
    assert np.exp(alone) == pytest.approx([0.6], abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 50])
def test_even_draws_leave_no_part_of_a_column_empty(n):
    correlation = np.array([[1.0, 0.7], [0.7, 1.0]])
    u = gaussian.draw(correlation, n, {}, np.random.default_rng(5), even=True)
    assert (np.sort((u * n).astype(int), axis=0) == np.arange(n)[:, None]).all()


def test_collinear_measurements_are_not_told_from_real_ones(shared):
    """A classifier on pairs of 30 collinear columns, on rows that the model never saw."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.model_selection import cross_val_score

    home = shared / "bench" / "sets" / "breast_cancer"
    parts = [pd.read_csv(home / f"{part}.csv.gz") for part in ("train", "holdout")]
    names = [c for c in parts[0] if c != "target"]
    outcome = Column("target", Kind.BINARY, Role.TARGET, categories=("benign", "malignant"))
    schema = Schema((*(Column(c, Kind.CONTINUOUS) for c in names), outcome))
    target = parts[0]["target"].astype(object).astype(canonical_dtype(outcome))
    frame = parts[0].assign(target=target)
    drawn = GroupedCopula().fit(Table(frame[list(schema.names)], schema)).sample(284, Seeds(1))
    rows = np.vstack([parts[1][names].to_numpy(), drawn.frame[names].to_numpy()])
    real = np.repeat([1, 0], [len(parts[1]), 284])
    model = ExtraTreesClassifier(150, min_samples_leaf=3, random_state=0)
    assert cross_val_score(model, rows, real, cv=5, scoring="roc_auc").mean() < 0.75
