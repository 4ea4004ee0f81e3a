import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsynai import store
from medsynai.errors import PlanError
from medsynai.flow.plan import Plan, read_plan

words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=8)
plans = st.builds(
    Plan,
    source=st.none() | words,
    schema=st.none() | words,
    model=st.sampled_from(["auto", "forest", "copula"]),
    settings=st.dictionaries(words, st.integers() | st.booleans() | words, max_size=3),
    rows=st.none() | st.integers(1, 10**9),
    target=st.none() | words,
    conditions=st.lists(words, max_size=3).map(tuple),
    keep=st.lists(words, max_size=3).map(tuple),
    holdout=st.floats(0, 0.99),
    seed=st.integers(0, 2**60),
    form=st.sampled_from(["same", "csv", "parquet"]),
)


@given(plans)
def test_a_plan_survives_its_file(plan):
    assert store.from_toml(Plan, store.to_toml(plan)) == plan


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": 0},
        {"rows": -5},
        {"holdout": 1.0},
        {"holdout": -0.1},
        {"mix_real": 0.0},
        {"mix_real": 1.0},
        {"mix_real": 0.5, "keep": ("sex",)},
        {"form": "xml"},
        {"seed": -1},
        {"model": "bootstrap"},
    ],
)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(PlanError):
        Plan(**wrong)


def test_real_rows_are_never_the_default():
    assert Plan().mix_real is None
    assert Plan().keep == ()


def test_a_typing_error_in_a_plan_file_is_named(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text('sorce = "a.csv"\n')
    with pytest.raises(PlanError, match="unknown key 'sorce'"):
        read_plan(path)
    with pytest.raises(PlanError, match="no readable plan"):
        read_plan(tmp_path / "absent.toml")


def test_a_password_never_gets_into_the_release():
    text = Plan(source="postgresql://anna:hunter2@db/clinic::visits").to_toml()
    assert "not kept" in text and "URL again" in text
    assert "not kept" not in Plan(source="visits.csv").to_toml()
    assert "hunter2" not in text
    assert "clinic::visits" in text
