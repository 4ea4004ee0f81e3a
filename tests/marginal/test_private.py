"""What leaves the rows, and that faults in it would show: each guarantee with its violation."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from medsynai.codec import bought
from medsynai.codec.bought import buy, planned
from medsynai.data.contract import check_contract, conformed
from medsynai.data.schema import Column, Kind, Origin, Role, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.errors import BudgetError, PlanError, SchemaError
from medsynai.marginal import fit as fitting
from medsynai.marginal import select
from medsynai.marginal.estimate import TABLE, Measurement
from medsynai.marginal.fit import Shape
from medsynai.marginal.tree import Tree
from medsynai.models.aim import Aim
from medsynai.models.mst import Mst
from medsynai.privacy import noise
from medsynai.privacy.accounting import Kind as Price
from medsynai.privacy.accounting import Spend
from medsynai.privacy.ledger import Budget, Ledger
from medsynai.seeds import Seeds

pytest.importorskip("dp_accounting")
pytest.importorskip("opendp")

SURE = (
    1e-7  # this noise has no seed: a right build fails by chance once in a million runs, not more
)

SCHEMA = Schema(
    (
        Column("age", Kind.INTEGER, minimum=0, maximum=120, decimals=0, origin=Origin.STANDARD),
        Column(
            "lab",
            Kind.CONTINUOUS,
            minimum=0.01,
            maximum=100,
            decimals=2,
            digits=3,
            edges=(1.0, 5.0, 20.0),
            missing=True,
            origin=Origin.DICTIONARY,
        ),
        Column("sex", Kind.BINARY, categories=("f", "m"), origin=Origin.DECLARED),
        Column("dead", Kind.BINARY, Role.TARGET, categories=("no", "yes"), origin=Origin.DECLARED),
        Column(
            "cause",
            Kind.CATEGORICAL,
            categories=("heart", "lung", "other"),
            missing=True,
            origin=Origin.DECLARED,
        ),
    ),
    rules=("cause is missing when dead = 'no'",),
)


def patients(rows: int = 600, seed: int = 0) -> Table:
    rng = np.random.default_rng(seed)
    age = np.round(rng.normal(60, 12, rows).clip(0, 120))
    dead = np.where(rng.random(rows) < age / 130, "yes", "no")
    cause = [rng.choice(["heart", "lung", "other"]) if d == "yes" else None for d in dead]
    lab = np.where(rng.random(rows) < 0.2, np.nan, np.round(np.exp(rng.normal(1, 0.5, rows)), 2))
    return tabled(
        {"age": age, "lab": lab, "sex": rng.choice(["f", "m"], rows), "dead": dead, "cause": cause}
    )


def tabled(columns: dict, schema: Schema = SCHEMA) -> Table:
    data = {
        c.name: pd.Series(list(columns[c.name]), dtype=object).astype(canonical_dtype(c))
        for c in schema.columns
    }
    return Table(pd.DataFrame(data), schema)


def with_row(table: Table, **values) -> Table:
    one = tabled(
        {"age": [50.0], "lab": [1.0], "sex": ["f"], "dead": ["no"], "cause": [None]}
        | {k: [v] for k, v in values.items()}
    )
    frame = pd.concat([table.frame, one.frame], ignore_index=True)
    return Table(frame, table.schema)


def fit(table: Table, model=None, epsilon: float = 5.0):
    return (model or Mst()).fit(table, Ledger(Budget(epsilon, 1e-5)), Seeds(0))


@pytest.mark.parametrize("model", [Mst(), Aim()])
def test_the_bill_is_the_budget_and_a_second_fit_is_refused(model):
    ledger = Ledger(Budget(1.0, 1e-6))
    model.fit(patients(), ledger, Seeds(0))
    assert 0.99 < ledger.spent <= 1.0
    asked = {s.kind.value for s in ledger.spends}
    assert asked == {"gaussian", "exponential"}
    with pytest.raises(BudgetError):
        model.fit(patients(), ledger, Seeds(0))


def test_without_a_budget_nothing_is_fitted():
    for ledger in (None, Ledger()):
        with pytest.raises(PlanError, match="needs a budget"):
            Aim().fit(patients(), ledger, Seeds(0))


def test_as_many_histograms_are_counted_as_were_charged(monkeypatch):
    asked = []
    true = noise._lattice
    monkeypatch.setattr(noise, "_lattice", lambda w, s, k: asked.append(s) or true(w, s, k))
    ledger = Ledger(Budget(2.0, 1e-6))
    Mst().fit(patients(), ledger, Seeds(0))
    bill = [s for s in ledger.spends if s.kind == "gaussian"]
    paid = [s.noise * noise.GRAIN for s in bill for _ in range(s.steps)]
    assert sorted(asked) == pytest.approx(sorted(paid))


def test_the_seed_does_not_repeat_the_noise():
    one, two = (fit(patients()).sample(200, Seeds(1)).frame for _ in range(2))
    assert not one.equals(two)


@pytest.mark.parametrize("spoil", ["inferred", "no range", "no levels", "edges"])
def test_a_schema_that_looked_at_the_rows_or_says_too_little_is_refused(spoil):
    changed = {
        "inferred": replace(SCHEMA["age"], origin=Origin.INFERRED),
        "no range": replace(SCHEMA["age"], maximum=None),
        "no levels": replace(SCHEMA["sex"], categories=None),
        "edges": replace(SCHEMA["lab"], edges=(5.0, 1.0)),
    }[spoil]
    schema = SCHEMA.replacing(changed)
    with pytest.raises(SchemaError, match=changed.name):
        check_contract(schema)
    ledger = Ledger(Budget(1.0, 1e-6))
    with pytest.raises(SchemaError):
        Mst().fit(Table(patients().frame, schema), ledger, Seeds(0))
    assert not ledger.entries  # nothing was charged, nothing was read


STRANGE = [
    *({"age": 1e6}, {"age": np.nan}, {"lab": -5.0}, {"lab": np.nan}, {"sex": None}),
    *({"cause": "heart"}, {"cause": "other", "dead": "yes"}),
]


@pytest.mark.parametrize("values", STRANGE, ids=str)
def test_a_strange_row_changes_no_shape_and_one_count_by_one(values, monkeypatch):
    seen: list[list[np.ndarray]] = []

    def quiet(whole, scale, kind):
        seen[-1].append(whole // noise.GRAIN)
        return whole + 160  # the same noise each time

    monkeypatch.setattr(noise, "_lattice", quiet)
    frame = patients().frame  # of which nobody has a level, or lacks a value, that one more may
    frame["cause"] = frame["cause"].mask(frame["cause"] == "other", "lung")
    frame["lab"] = frame["lab"].fillna(1.0)
    plain = Table(frame, SCHEMA)
    for table in (plain, with_row(plain, **values)):
        seen.append([])
        buy(conformed(table), Spend(Price.GAUSSIAN, 2.0), 8)
    assert len(seen[0]) == planned(SCHEMA) == len(seen[1])
    for before, after in zip(*seen, strict=True):
        assert before.shape == after.shape
        assert np.abs(after - before).sum() <= 1 and (after >= before).all()


def test_what_one_row_holds_changes_no_other_row():
    strange = with_row(patients(), age=1e6, sex=None, lab=-1.0)
    kept = conformed(strange).frame.iloc[:-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, conformed(patients()).frame)
    last = conformed(strange).frame.iloc[-1]
    assert (last["age"], last["sex"], last["lab"]) == (120.0, "f", 0.01)


def test_a_choice_moves_by_no_more_than_its_weight(monkeypatch):
    """Scores of neighbours: their greatest difference is the reach that was paid for."""
    heard = []
    monkeypatch.setattr(select, "choose", lambda s, e, reach: heard.append((s, reach)) or 0)
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, (200, 3))
    pairs = select.candidates_of((3, 3, 3), (False,) * 3, {0: 2.0}, 4, rng)
    guess = [np.full((3, 3), 20.0)] * len(pairs)
    for rows in (codes, np.vstack([codes, [[1, 2, 0]]])):
        asked = select.Rows(rows, (3, 3, 3))
        asked.choose(pairs, asked.score(pairs, guess, 3.0), Spend(Price.EXPONENTIAL, 1.0))
    (before, reach), (after, _) = heard
    assert reach == 2.0 and 0 < np.abs(after - before).max() <= reach


def test_a_tree_scores_the_rows_once_and_leaves_out_pairs_beyond_its_size(monkeypatch):
    """The cost of a wide table: with a score a round it grew with the cube of its columns."""
    sizes, asked = (300, 300, 3, 3), []
    true = select.Rows._counts
    monkeypatch.setattr(select.Rows, "_counts", lambda r, c: asked.append(c) or true(r, c))
    rng = np.random.default_rng(0)
    codes = np.stack([rng.integers(0, s, 500) for s in sizes], axis=1)
    codes[:, 1] = codes[:, 0]  # the closest pair of all, of 90,000 cells
    rows = select.Rows(codes, sizes)
    first = [
        Measurement((v,), (np.arange(s),), np.bincount(codes[:, v], minlength=s), np.ones(s))
        for v, s in enumerate(sizes)
    ]
    search = select.Search(rows, 500.0, first, [], 50_000, 1e9)
    pairs = select.candidates_of(sizes, (False,) * 4, {}, 4, rng)
    select.spanning_tree(search, pairs, select.Prices(4, 3, 0.3, 0.1), 1.0)
    found = [m.columns for m in search.found]
    assert len(found) == 3 and (0, 1) not in found
    assert len(asked) == (len(pairs) - 1) + 3


@pytest.mark.parametrize("model", [Mst(), Aim(rounds=9)])
def test_neither_work_nor_cells_go_beyond_their_cap(model, monkeypatch):
    """Both caps are public: whatever the rows hold, a fit keeps to them."""
    handled, true = [], Tree.beliefs

    def counted(tree, potentials):
        handled.append(tree.cells + TABLE * len(tree.cliques))
        return true(tree, potentials)

    monkeypatch.setattr(Tree, "beliefs", counted)
    assert fit(patients(), model).facts["cells"] > 120
    handled.clear()
    small = Shape(cells=120)
    assert fit(patients(), replace(model, shape=small)).facts["cells"] <= 120
    tight = replace(small, work=sum(handled) / 10)
    handled.clear()
    fitted = fit(patients(), replace(model, shape=tight))
    looks = len(fitted.facts["pairs"]) + 1  # scoring asks the finished model once a round
    assert sum(handled) <= tight.work + looks * max(handled)
    assert len(fitted.sample(50)) == 50


def many_levels(columns: str, rules: tuple[str, ...] = ()) -> Table:
    levels = tuple(f"c{i}" for i in range(30))
    made = [Column(c, Kind.CATEGORICAL, categories=levels, origin=Origin.STANDARD) for c in columns]
    same = np.array(levels)[np.random.default_rng(0).integers(0, 30, 300)]
    return tabled(dict.fromkeys(columns, same), Schema(tuple(made), rules=rules))


def test_neither_a_rule_nor_a_tree_of_many_levels_breaks_the_cap():
    ruled = many_levels("ab", ("a = 'c1' when b = 'c2'",))
    assert fit(ruled, Mst(Shape(cells=150))).facts["cells"] == 62  # the rule is left to the repair
    assert fit(ruled, Mst(Shape(cells=1000))).facts["cells"] == 31**2
    assert 1900 < fit(many_levels("abcd"), Mst(Shape(cells=2000))).facts["cells"] <= 2000


def lower_bound(inside: np.ndarray, outside: np.ndarray, delta: float) -> float:
    """Epsilon that the counts prove but for SURE, by thresholds fixed on half the runs."""
    half = len(inside) // 2
    cuts = np.quantile(np.r_[inside[:half], outside[:half]], np.linspace(0.02, 0.98, 49))
    rates = [
        ((inside[:half] > c).mean() + 0.01) / ((outside[:half] > c).mean() + 0.01) for c in cuts
    ]
    cut, n = cuts[int(np.argmax(rates))], len(inside) - half
    hits, alarms = (inside[half:] > cut).sum(), (outside[half:] > cut).sum()
    tpr = beta.ppf(SURE, hits, n - hits + 1) if hits else 0.0
    fpr = beta.ppf(1 - SURE, alarms + 1, n - alarms)
    return float(np.log(max(tpr - delta, 1e-9) / fpr))


def audited(runs: int = 600) -> float:
    """Worst-case neighbours: one patient whose category nobody else has, epsilon 1."""
    spend, delta = Spend(Price.GAUSSIAN, 3.7306), 1e-5  # epsilon 1
    schema = SCHEMA.only(("cause",))
    base = tabled({"cause": ["heart"] * 30}, replace(schema, rules=()))
    more = tabled({"cause": ["heart"] * 30 + ["lung"]}, replace(schema, rules=()))
    draws = [[buy(t, spend, 5).counts[0][1] for _ in range(runs)] for t in (more, base)]
    return lower_bound(np.array(draws[0]), np.array(draws[1]), delta)


def test_an_audit_proves_no_more_than_was_paid():
    assert audited() <= 1.0


@pytest.mark.parametrize("fault", ["noise off", "noise of a tenth", "fixed noise"])
def test_the_audit_catches_a_planted_fault(fault, monkeypatch):
    true, fixed = noise._lattice, np.random.default_rng(0).normal(0, 60, 4).astype(int)
    faulty = {
        "noise off": lambda w, s, k: w,
        "noise of a tenth": lambda w, s, k: true(w, s / 10, k),
        "fixed noise": lambda w, s, k: w + fixed[: len(w)],
    }[fault]
    monkeypatch.setattr(noise, "_lattice", faulty)
    assert audited(1200 if fault == "noise of a tenth" else 300) > 1.0


def test_no_array_of_a_fitted_model_is_as_long_as_the_rows():
    table = patients(613)
    fitted = fit(table, Aim())
    arrays = [*fitted.codec.arrays().values(), *fitted.model.potentials]
    assert all(613 not in a.shape for a in arrays)


def test_rows_follow_the_data_and_the_declared_rule():
    table = patients(3000)
    drawn = fit(table, Aim(), 10.0).sample(3000, Seeds(1)).frame
    assert not (drawn["cause"].notna() & (drawn["dead"] == "no")).any()
    assert abs(drawn["age"].mean() - table.frame["age"].mean()) < 2
    assert abs(drawn["lab"].isna().mean() - 0.2) < 0.03
    old = drawn["age"] > 70
    assert (drawn["dead"][old] == "yes").mean() > (drawn["dead"][~old] == "yes").mean() + 0.08
    lab = drawn["lab"].dropna()
    digits = [len(f"{x:.10g}".replace(".", "").lstrip("0")) for x in lab]
    assert max(digits) <= 4 and (lab >= 0.01).all()


def test_several_rows_of_a_patient_raise_the_noise():
    schema = replace(SCHEMA, max_rows=4)
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(noise, "_lattice", lambda w, s, k: asked.append(s) or w)
        for s in (SCHEMA, schema):
            buy(conformed(Table(patients().frame, s)), Spend(Price.GAUSSIAN, 2.0), 8)
    assert asked[planned(SCHEMA)] == 4 * asked[0]


def of_one_patient(max_rows: int) -> Table:
    """600 rows of 200 patients, three each."""
    table, key = patients(), Column("id", Kind.IDENTIFIER, Role.SUBJECT)
    frame = table.frame.assign(id=[f"p{i % 200}" for i in range(len(table))])
    schema = replace(SCHEMA, columns=(*SCHEMA.columns, key), max_rows=max_rows)
    return Table(frame, schema)


@pytest.mark.parametrize("model", [Mst(), Aim(rounds=2)])
def test_every_question_is_about_a_patient_and_not_a_row(model, monkeypatch):
    """Columns, choices and pairs alike: each has noise for as many rows as a patient may have."""
    counted, chosen = [], []
    for module in (bought, select):
        true = module.noisy_counts
        monkeypatch.setattr(
            module, "noisy_counts", lambda c, s, r, true=true: counted.append(r) or true(c, s, r)
        )
    pick = select.choose
    monkeypatch.setattr(select, "choose", lambda s, e, r: chosen.append(r) or pick(s, e, r))
    fit(of_one_patient(3), model, 10.0)
    assert len(counted) == planned(SCHEMA) + len(chosen) and set(counted) == {3}
    weight = 1.0 if isinstance(model, Mst) else model.target
    assert set(chosen) == {3 * weight}


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_rows_of_a_patient_are_counted_than_the_noise_is_made_for(monkeypatch, most):
    counted = []
    before = fitting.buy
    monkeypatch.setattr(fitting, "buy", lambda t, *rest: counted.append(len(t)) or before(t, *rest))
    fit(of_one_patient(most), Mst(), 10.0)
    assert counted == [200 * most]
    monkeypatch.setattr(bought, "capped", lambda who, most: np.arange(len(who)))  # the violation
    fit(of_one_patient(most), Mst(), 10.0)
    assert counted[-1] == 600


def test_rows_that_nobody_knows_the_patient_of_are_not_counted(monkeypatch):
    """As one patient they would push each other out: one more of them would move two counts."""
    table, counted = of_one_patient(1), []
    table.frame.loc[:29, "id"] = None
    before = fitting.buy
    monkeypatch.setattr(fitting, "buy", lambda t, *rest: counted.append(len(t)) or before(t, *rest))
    fit(table, Mst(), 10.0)
    assert counted == [200]


def test_several_rows_a_patient_without_a_key_are_refused():
    with pytest.raises(PlanError, match="subject"):
        fit(Table(patients().frame, replace(SCHEMA, max_rows=3)), Mst(), 10.0)


def test_of_very_many_pairs_a_part_are_candidates(monkeypatch):
    """What scoring costs is bounded; which pairs these are comes from the seeds."""
    found, true = [], fitting.candidates_of
    monkeypatch.setattr(fitting, "candidates_of", lambda *a: found.append(true(*a)) or found[-1])
    monkeypatch.setattr(select, "PAIRS", 6)
    for seed in (0, 1):
        assert len(fit(patients(seed=seed), Mst()).facts["pairs"]) in (3, 4)  # of 5 columns
    pairs = [{c.columns for c in candidates} for candidates in found]
    assert pairs[0] == pairs[1] and len(pairs[0]) == 6


def test_a_round_looks_at_no_more_pairs_than_its_pool(monkeypatch):
    """Which pairs these are comes from the seeds, not from the rows."""
    looked: list[frozenset] = []
    chosen = select.Rows.choose

    def watched(self, candidates, *rest):
        looked.append(frozenset(c.columns for c in candidates))
        return chosen(self, candidates, *rest)

    monkeypatch.setattr(select, "POOL", 3)
    monkeypatch.setattr(select.Rows, "choose", watched)
    for seed in (0, 1):
        fit(patients(seed=seed), Aim(rounds=6))
    assert len(looked) == 12
    assert all(0 < len(pairs) <= 3 for pairs in looked)
    assert looked[:6] == looked[6:]
    assert len(set(looked)) > 1
