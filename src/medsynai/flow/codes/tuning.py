"""Where models of codes meet: inner splits of the train rows, judged by the panel's measures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from medsynai.data.codes import CodeMatrix
from medsynai.errors import AssessmentError
from medsynai.evaluate.codes import detection, membership, pairs, prediction
from medsynai.evaluate.codes.trial import CodeTrial
from medsynai.evaluate.glance import Glance
from medsynai.evaluate.score import Findings, Score
from medsynai.flow.arena import held_out, turns_of, well_fitted
from medsynai.flow.codes import stages
from medsynai.flow.kind_stages import Run
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Watch
from medsynai.models.catalog import load_code_model
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class CodeArena:
    """See `medsynai.flow.arena.Arena`.

    Attributes:
        train: the train rows, in the codes that may be learnt.
    """

    train: CodeMatrix
    load = staticmethod(load_code_model)

    @staticmethod
    def of(plan: Plan, watch: Watch) -> "CodeArena":
        """The train rows of a plan: its holdout is out from here on.

        Raises:
            InputError: as a run of the plan.
        """
        run = Run(plan, Ledger(), watch)
        return CodeArena(stages.divide(stages.read(run), run).train)

    @property
    def turns(self) -> int:
        """How many splits to judge by."""
        return turns_of(len(self.train))

    def halves(self, seeds: Seeds, turn: int = 0) -> tuple[CodeMatrix, CodeMatrix]:
        """Rows to learn from and rows to judge by, of different patients."""
        held = held_out(self.train.patients, seeds, turn)
        return self.train.rows(~held), self.train.rows(held)

    def fit(self, model: Any, train: CodeMatrix, seeds: Seeds) -> Any:
        """A trial fit.

        Raises:
            ModelError: training that an alarm ended.
        """
        return well_fitted(model, train, seeds)

    def judge(
        self, fitted: Any, halves: tuple[CodeMatrix, CodeMatrix], seeds: Seeds, judging: Seeds
    ) -> Glance:
        """A model's figures on one draw of as many rows as it learnt from.

        `pairs` is 1 - R2 of the pairs' shares, from 0 to 1; `tstr` and `trtr` are the mean AUROC of
        codes predicted from the others.
        """
        train, held = halves
        trial = CodeTrial(train, held, fitted.sample(len(train), seeds.of("draw")), judging)
        together = _score(pairs.measure, pairs.R2, trial).value
        guessed = _score(prediction.measure, prediction.AUROC, trial)
        found = membership.measure(trial).scores[0]
        return Glance(
            pairs=None if together is None else min(1.0, max(0.0, 1 - together)),
            c2st=_score(detection.measure, detection.C2ST, trial).value,
            tstr=guessed.value,
            trtr=guessed.holdout,
            membership=found.value,
            chance=found.shuffled,
        )


def _score(measure: Callable[[CodeTrial], Findings], wanted: Score, trial: CodeTrial) -> Score:
    """The score of this name; without a value where it cannot be assessed."""
    try:
        return next(s for s in measure(trial).scores if s.name == wanted.name)
    except AssessmentError:
        return wanted
