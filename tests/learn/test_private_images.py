"""Networks of images under a budget: each patient's gradient by itself, clipped."""

import numpy as np
import pytest
import torch

from medsynai.codec.image import Frame
from medsynai.data.images import ImageSet
from medsynai.errors import BudgetError, PlanError
from medsynai.learn import mechanism, precision, private_images
from medsynai.learn.core import Batch
from medsynai.learn.images import to_rows
from medsynai.learn.mechanism import DpSgd
from medsynai.learn.nets.mlp import initialise
from medsynai.learn.private_images import bought_classes
from medsynai.models.catalog import load_image_model, open_model
from medsynai.privacy.accounting import Kind, Spend
from medsynai.privacy.ledger import Budget, Ledger
from medsynai.seeds import Seeds

QUICK = {"width": 2, "steps": 3, "hops": 2, "pace": {"private": {"rate": 0.5, "singles": 0.1}}}


def scans(n: int = 40, seed: int = 0, patients=None) -> ImageSet:
    pixels = np.random.default_rng(seed).integers(0, 255, (n, 1, 6, 6)).astype(np.uint8)
    return ImageSet.of(pixels, np.arange(n) % 2, ("ill", "well"), patients)


def flow():
    return load_image_model("image-flow", QUICK)


def summed(monkeypatch, rows, patients, stacked: int, clip: float = 1.0):
    """The sums of clipped gradients, without noise."""
    monkeypatch.setattr(mechanism, "noisy_sums", lambda total, spread: total.astype(np.float64))
    model = flow()
    job = model.job(Frame.of(scans()))
    initialise(job.modules, torch.Generator().manual_seed(0))
    noise = torch.randn(40, job.noise, generator=torch.Generator().manual_seed(1))[: len(rows)]
    none, update = torch.zeros(len(rows), 0), model.phases()[0].updates[0]
    batch = Batch(rows, none, none, noise, torch.as_tensor(patients))
    how = DpSgd(1e-3, clip=clip, alone=True, stacked=stacked)
    how.gradients(update.loss, job.modules, update.trains, batch)
    weights = [p for n in update.trains for p in job.modules[n].parameters()]
    return torch.cat([w.grad.flatten() for w in weights])


def rows_of(images: ImageSet):
    return to_rows(Frame.of(scans()), images)


@pytest.mark.parametrize("patients", [np.arange(12), np.arange(12) // 3, np.zeros(12, int)])
def test_passes_in_one_give_what_passes_one_by_one_give(monkeypatch, patients):
    rows = rows_of(scans(12))
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: False)  # of the passes by one
    one, many = (summed(monkeypatch, rows, patients, k) for k in (0, 5))
    assert torch.allclose(one, many, atol=2e-5) and one.norm() > 0.1


def test_one_patient_more_leaves_what_the_others_add_as_it_was(monkeypatch):
    """To the last bit of a pass: stacks have one size, and nothing is rounded to 16 bits."""
    rows = rows_of(scans(12))
    few = summed(monkeypatch, rows[:9], np.arange(9), 8, clip=1e6)
    silent = torch.cat([rows[:9], torch.full((3, 37), torch.nan)])  # adds nothing itself
    silent[9:, -1] = 0
    more = summed(monkeypatch, silent, np.arange(12), 8, clip=1e6)
    assert (few - more).abs().max() <= 1e-6 * few.abs().max()


@pytest.mark.parametrize("stacked", [0, 8])
def test_whatever_a_patient_holds_moves_the_sum_by_the_clip_at_most(monkeypatch, stacked):
    """Twenty images of one patient, as loud as can be, and one that is no number."""
    rows = torch.cat([rows_of(scans(6)), 1e4 * torch.ones(20, 37)])
    rows[6:, -1] = 0
    who = np.concatenate([np.arange(6), np.full(20, 6)])
    without = summed(monkeypatch, rows[:6], who[:6], stacked, clip=0.5)
    with_it = summed(monkeypatch, rows, who, stacked, clip=0.5)
    assert 0.4 < (with_it - without).norm() <= 0.5
    broken = torch.cat([rows[:6], torch.full((1, 37), torch.nan)])
    broken[6:, -1] = 0
    found = summed(monkeypatch, broken, np.arange(7), stacked, clip=0.5)
    assert torch.allclose(found, without, atol=1e-6)


def test_a_fit_is_charged_once_and_whole_and_saved(tmp_path):
    ledger = Ledger(Budget(3.0, 1e-6))
    fitted = flow().fit(scans(), ledger, Seeds(0))
    assert [r.mechanism for r in ledger.entries] == ["gaussian", "dp-sgd, one by one"]
    assert 2.9 < ledger.spent <= 3.0
    assert len(fitted.sample(5, Seeds(1))) == 5 and sum(fitted.frame.share) == pytest.approx(1)
    fitted.save(tmp_path)
    again = open_model(tmp_path).sample(5, Seeds(1))
    assert np.array_equal(again.pixels, fitted.sample(5, Seeds(1)).pixels)
    with pytest.raises(BudgetError):
        flow().fit(scans(), ledger, Seeds(0))


def test_nothing_of_the_images_but_noised_sums_is_in_the_model(monkeypatch):
    """With every release pinned, other images of another contrast give the same bytes."""

    def pinned(total, spread):
        return np.random.default_rng(len(total)).normal(0, 1e-2, len(total)) + 3.0 / len(total)

    monkeypatch.setattr(mechanism, "noisy_sums", pinned)
    monkeypatch.setattr(private_images, "noisy_sums", pinned)
    dark = scans(seed=5)
    dark = ImageSet.of(dark.pixels // 9, 1 - dark.labels, dark.classes)
    one, two = (flow().fit(x, Ledger(Budget(2.0, 1e-6)), Seeds(0)) for x in (scans(), dark))
    weights = zip(one.drawer.state_dict().items(), two.drawer.state_dict().items(), strict=True)
    assert all(a == b and torch.equal(x, y) for (a, x), (b, y) in weights)
    assert one.frame == two.frame


def test_no_copy_is_looked_for_under_a_budget(monkeypatch):
    """Which weights are kept would tell of the images; without a budget it is looked for."""

    def seen(*given):
        raise RuntimeError("looked at real images")

    monkeypatch.setattr("medsynai.learn.images.look_at_copies", seen)
    monkeypatch.setattr("medsynai.learn.image_looks.near_copies", seen)
    flow().fit(scans(), Ledger(Budget(2.0, 1e-6)), Seeds(0))
    with pytest.raises(RuntimeError, match="looked at"):
        flow().fit(scans(), Ledger(), Seeds(0))


def test_classes_are_counted_by_patient():
    """One patient with a hundred images counts for one."""
    images = scans(104, patients=np.r_[np.zeros(100, int), np.arange(1, 5)])
    spend = Spend(Kind.GAUSSIAN, 0.01)
    counts = bought_classes(images, images.patients, 5, spend)
    assert counts.sum() == pytest.approx(5, abs=0.2)
    nobody = bought_classes(images.rows(np.zeros(104, bool)), np.zeros(0, int), 0, spend)
    assert nobody.sum() == pytest.approx(1)


def test_what_cannot_be_private_is_refused():
    wide = ImageSet.of(np.zeros((9, 1, 4, 4), np.uint16))
    with pytest.raises(PlanError, match="8 bits"):
        flow().fit(wide, Ledger(Budget(1.0, 1e-6)), Seeds(0))
    with pytest.raises(BudgetError, match="without protection"):
        load_image_model("dcgan", {"width": 2}).fit(scans(), Ledger(Budget(1.0, 1e-6)), Seeds(0))


def test_what_is_clipped_is_never_rounded_to_16_bits(monkeypatch):
    """A network opens its own `brisk`; under a budget it stays closed."""
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: True)
    seen, net = [], torch.nn.ModuleDict({"net": torch.nn.Linear(3, 2)})

    def loss(modules, batch):
        with precision.brisk():
            out = modules["net"](batch.real)
        seen.append(out.dtype)
        return out.float().square().sum(1)

    none = torch.zeros(4, 0)
    batch = Batch(torch.ones(4, 3), none, none, none, torch.arange(4))
    for stacked in (0, 2):
        DpSgd(1e-2, alone=True, stacked=stacked).gradients(loss, net, ("net",), batch)
    assert set(seen) == {torch.float32}
