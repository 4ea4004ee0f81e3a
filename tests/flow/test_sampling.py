"""Shards: the same rows whoever draws them, keys that never meet, flat memory."""

import pandas as pd
import pytest

from medsynai.errors import FolderError, ModelError, PlanError
from medsynai.flow.folder import MODEL
from medsynai.flow.plan import Plan
from medsynai.flow.run import make
from medsynai.flow.sampling import Order, Target, draw_shards, find_model, sample

KEYS = {
    "counter": [f"{i}" for i in range(1, 121)],
    "number": [str(100_000 + 7919 * i % 800_000) for i in range(120)],
    "long": [str(2**60 + i) for i in range(120)],
    "mixed": [f"{chr(65 + i % 26)}{chr(65 + i // 26)}{i % 7}" for i in range(120)],
}


def clinic() -> pd.DataFrame:
    ages = [20 + (i * 37) % 60 for i in range(120)]
    keys = {f"{form}_id": values for form, values in KEYS.items()}
    return pd.DataFrame({**keys, "age": ages, "sex": ["f", "m", "m"] * 40})


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "release"
    release = make(Plan(model="copula", measures=("validity",)), handed())
    release.save(folder)
    return folder / MODEL


def handed():
    from medsynai.flow.opening import Handed

    return Handed(clinic())


def test_the_number_of_workers_changes_nothing(model):
    order = Order(rows=1050, shard=100, seed=4)
    alone = pd.concat([t.frame for t in draw_shards(model, order, 1)])
    shared = pd.concat([t.frame for t in draw_shards(model, order, 2)])
    assert len(alone) == 1050
    pd.testing.assert_frame_equal(alone, shared)


def test_keys_of_different_shards_never_meet(model):
    whole = pd.concat([t.frame for t in draw_shards(model, Order(rows=3000, shard=100), 1)])
    for form, known in KEYS.items():
        keys = whole[f"{form}_id"].astype(str)
        assert keys.is_unique, form
        assert not set(keys) & set(known), form


def test_another_seed_gives_other_rows(model):
    one, two = (next(draw_shards(model, Order(50, seed=s), 1)).frame["age"] for s in (1, 2))
    assert not one.equals(two)


def test_a_failing_order_leaves_no_file(model, tmp_path):
    for order, out in (
        (Order(10, ("sex=x",)), "a.csv"),
        (Order(10, ("age>=300",)), "a.csv"),
        (Order(10), "a.unknown"),
    ):
        with pytest.raises(Exception, match=r"allowed|runs from|ending"):
            sample(model, order, Target(tmp_path / "deep" / out))
    assert not list(tmp_path.iterdir())
    with pytest.raises(PlanError):
        Order(0)
    with pytest.raises(ModelError):
        find_model(tmp_path / "nowhere")


def test_a_file_that_another_run_made_meanwhile_is_kept(model, tmp_path):
    out = tmp_path / "rows.csv"

    def tell(stage):
        out.write_text("theirs")

    with pytest.raises(FolderError, match="exists already"):
        sample(model, Order(10), Target(out), tell=tell)
    assert out.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [out]
