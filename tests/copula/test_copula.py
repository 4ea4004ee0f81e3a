"""The copula against known answers."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from medsynai.copula import gaussian
from medsynai.copula.cells import fit_cells
from medsynai.copula.copula import Copula, normal_scores
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.errors import PlanError
from medsynai.generator import Condition, Wanted
from medsynai.seeds import Seeds

CORRELATION = np.array([[1.0, 0.6, -0.4], [0.6, 1.0, 0.1], [-0.4, 0.1, 1.0]])


def numbers(frame: pd.DataFrame, **facts) -> Table:
    return Table(frame, Schema(tuple(Column(str(c), Kind.CONTINUOUS, **facts) for c in frame)))


def latents(rows: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((rows, 3)) @ np.linalg.cholesky(CORRELATION).T


def test_correlation_is_recovered_from_numbers_levels_and_gaps():
    z = latents(20000)
    sex = Column("sex", Kind.BINARY, categories=("f", "m"))
    levels = pd.Series(np.where(z[:, 1] > 0.5, "m", "f"), dtype=object).astype(canonical_dtype(sex))
    lab = np.where(np.arange(len(z)) % 3 == 0, np.nan, np.exp(z[:, 2]))
    schema = Schema(
        (Column("a", Kind.CONTINUOUS), sex, Column("lab", Kind.CONTINUOUS, missing=True))
    )
    table = Table(pd.DataFrame({"a": z[:, 0], "sex": levels, "lab": lab}), schema)
    fitted = Copula().fit(table)
    assert np.allclose(fitted.correlation[:3, :3], CORRELATION, atol=0.04)
    assert np.allclose(fitted.correlation[3, :3], 0, atol=0.04)  # the gaps are at random


def test_noise_is_shrunk_and_signal_is_not():
    rng = np.random.default_rng(3)
    noise = numbers(pd.DataFrame(rng.standard_normal((60, 12))).rename(columns=str))
    shrunk = gaussian.correlate(normal_scores(noise, Copula().fit(noise).cells))
    plain = np.corrcoef(noise.frame.to_numpy().T)
    off = ~np.eye(12, dtype=bool)
    assert np.abs(shrunk[off]).mean() < 0.5 * np.abs(plain[off]).mean()


def test_one_condition_is_the_conditional_law():
    """E[y | x > 0] = rho * sqrt(2 / pi) for standard normals."""
    within = {0: (np.array([[0.5]]), np.array([[1.0]]))}
    u = gaussian.draw(CORRELATION, 40000, within, np.random.default_rng(2))
    from scipy.special import ndtri

    z = ndtri(u)
    expected = CORRELATION[0] * np.sqrt(2 / np.pi)
    assert (z[:, 0] >= 0).all()
    assert np.allclose(z.mean(0), expected, atol=0.02)


def test_several_conditions_agree_with_rejection():
    z = latents(400_000, seed=9)
    keep = (z[:, 0] > 0.3) & ((z[:, 1] < -0.5) | (z[:, 1] > 1.0))
    from scipy.special import ndtr, ndtri

    spans = {
        0: (ndtr(np.array([[0.3]])), np.array([[1.0]])),
        1: (np.array([[0.0, ndtr(1.0)]]), np.array([[ndtr(-0.5), 1.0]])),
    }
    drawn = ndtri(gaussian.draw(CORRELATION, 40_000, spans, np.random.default_rng(4)))
    assert np.allclose(drawn.mean(0), z[keep].mean(0), atol=0.03)
    assert np.allclose(np.cov(drawn.T), np.cov(z[keep].T), atol=0.05)


def test_no_cell_is_one_patients_value():
    rng = np.random.default_rng(11)
    values = pd.Series(np.r_[np.round(rng.lognormal(3, 1, 500), 3), [9_999_999.0]])
    column = Column("x", Kind.CONTINUOUS)
    cells = fit_cells(values, column, most=50, min_cell=10)
    assert np.diff(cells.edges).min() >= 10 / len(values) - 1e-12
    alone = set(values[~values.duplicated(keep=False)])
    assert not alone & set(cells.low) and not alone & set(cells.high)
    assert cells.high.max() < 9_999_999.0


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_cells_give_back_what_they_were_cut_from(share):
    rng = np.random.default_rng(7)
    values = pd.Series(np.where(rng.random(5000) < share, 0.0, np.round(rng.gamma(3, 2, 5000), 1)))
    column = Column("x", Kind.CONTINUOUS, decimals=1)
    cells = fit_cells(values, column, most=100, min_cell=10)
    u = (np.arange(5000) + 0.5) / 5000
    back = cells.values_at(u, np.zeros(5000, bool))
    assert np.abs(np.sort(values) - back.to_numpy())[25:-25].max() < 0.6
    assert abs((back == 0).mean() - (values == 0).mean()) < 0.01
    low, high = cells.spans_of(back)
    again = cells.values_at(((low + high) / 2)[:, 0], np.zeros(5000, bool))
    assert np.abs(again - back).max() < 0.15


def test_a_narrow_condition_on_a_lattice_is_met_exactly():
    z = latents(3000)
    frame = pd.DataFrame({"age": np.round(60 + 12 * z[:, 0]), "lab": z[:, 1]})
    schema = Schema((Column("age", Kind.INTEGER), Column("lab", Kind.CONTINUOUS)))
    drawn = (
        Copula()
        .fit(Table(frame, schema))
        .sample(2000, Seeds(1), Condition((Wanted("age", low=84.0, high=84.0),)))
    )
    assert (drawn.frame["age"] == 84).all()
    assert abs(drawn.frame["lab"].mean() - 0.6 * 2.0) < 0.1


def test_cells_count_patients_not_rows():
    """One patient's two hundred values are no shape, and one value in fifty rows is no heap."""
    rng = np.random.default_rng(4)
    others, many, again = rng.uniform(0, 100, 400), np.linspace(500, 700, 200), np.full(50, 20.25)
    values = pd.Series(np.concatenate([others, many, again]))
    whose = np.concatenate([np.arange(400), np.full(200, 400), np.full(50, 401)])
    column = Column("x", Kind.CONTINUOUS)

    def drawn(whose: np.ndarray | None) -> np.ndarray:
        cells = fit_cells(values, column, 50, 10, whose)
        u = (np.arange(5000) + 0.5) / 5000
        return cells.values_at(u, np.zeros(5000, bool)).to_numpy(float)

    by_row, by_patient = drawn(None), drawn(whose)
    assert (by_row > 450).mean() > 0.25 and (by_row == 20.25).mean() > 0.05
    assert by_patient.max() < 300  # a mean of several patients, of whom one lies far out
    assert (by_patient == 20.25).mean() < 0.01


def test_behind_every_cell_stand_so_many_patients():
    rng = np.random.default_rng(5)
    whose = np.repeat(np.arange(250), rng.integers(1, 40, 250))
    values = rng.normal(whose, 3.0)  # a patient's own values lie close together
    cells = fit_cells(pd.Series(values), Column("x", Kind.CONTINUOUS), 100, 12, whose)
    borders = np.rint(cells.edges * len(values)).astype(int)
    by_value = whose[np.argsort(values)]
    people = [len(np.unique(by_value[a:b])) for a, b in pairwise(borders)]
    assert min(people) >= 12 and len(people) >= 8
    by_row = fit_cells(pd.Series(values), Column("x", Kind.CONTINUOUS), 100, 12)
    borders = np.rint(by_row.edges * len(values)).astype(int)
    assert min(len(np.unique(by_value[a:b])) for a, b in pairwise(borders)) < 12


def test_too_few_patients_are_refused_however_many_rows_they_have():
    column = Column("x", Kind.CONTINUOUS)
    frame = pd.DataFrame({"x": np.arange(90.0)})
    with pytest.raises(PlanError, match="9 patients' rows"):
        Copula().fit(Table(frame, Schema((column,)), patients=np.arange(90) // 10))
