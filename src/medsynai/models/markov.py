"""A first-order Markov chain of events, and the baseline of events drawn without regard to others.

After the counts of next-given-last that Mosquera et al. 2023 judge health trajectories by; here
they are the model. Whoever the patient is, how much of what happens, and when it ends, the table
model of statics says: the same things are told beforehand as to the recurrent net of `events`.
"""

from dataclasses import dataclass, field
from functools import partial

from medsynai.data.cohort import Cohort
from medsynai.forest.forest import Forest
from medsynai.generator import SEEDS, check_settings
from medsynai.models.chain import FittedChain, load
from medsynai.models.counting import count_chain
from medsynai.models.shuffle import Shuffle
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class Markov:
    """Settings of the chain; all public.

    Attributes:
        least: train patients behind whatever is counted: a token, a token after another, a number.
        bins: about how many bins a token's numbers, and gaps, have at most.
        told: of how many tokens, visits before the commonest, each patient's number is told.
        lives: the forest that draws statics and how much happens, in leaves of several patients.
    """

    least: int = 3
    bins: int = 60
    told: int = 40
    lives: Forest = field(default_factory=Forest)

    def __post_init__(self) -> None:
        check_settings("markov", self, {"least": 1, "bins": 2, "told": 0})

    def fit(
        self, cohort: Cohort, ledger: Ledger | None = None, seeds: Seeds = SEEDS
    ) -> FittedChain:
        """Count what follows what; see `medsynai.generator.CohortGenerator.fit`.

        Raises:
            ModelError: no patients, or no token of `least` of them.
        """
        return count_chain("markov", self, cohort, ledger or Ledger(), seeds)


@dataclass(frozen=True)
class CohortShuffle:
    """Every event on its own, every static on its own: only how often each comes.

    Attributes:
        least, bins: as in `Markov`.
        lives: draws statics and how much happens, each column on its own.
    """

    least: int = 3
    bins: int = 60
    lives: Shuffle = field(default_factory=Shuffle)

    def fit(
        self, cohort: Cohort, ledger: Ledger | None = None, seeds: Seeds = SEEDS
    ) -> FittedChain:
        """Count what there is; see `medsynai.generator.CohortGenerator.fit`.

        Raises:
            ModelError: no patients, or no token of `least` of them.
        """
        return count_chain("shuffle", self, cohort, ledger or Ledger(), seeds, alone=True)


load_markov = partial(load, model="markov", settings=Markov)
load_shuffle = partial(load, model="shuffle", settings=CohortShuffle)
