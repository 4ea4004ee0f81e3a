"""The real patients who are as was asked: what is drawn under a condition is judged beside them."""

from dataclasses import dataclass

from medsynai.codec.course import CourseCodec
from medsynai.codec.histories import Histories
from medsynai.data.cohort import Cohort
from medsynai.data.cohortfiles.layout import Layout
from medsynai.data.settled import Settled
from medsynai.data.vocabulary import LEAST
from medsynai.errors import ConditionError
from medsynai.flow.cohorts.asking import understood
from medsynai.generator import Condition


@dataclass(frozen=True)
class Alike:
    """What every patient is asked to be, and how it is seen in real ones.

    Attributes:
        codec: of train patients; only what it tells of a patient once is looked at.
    """

    codec: CourseCodec
    condition: Condition

    @staticmethod
    def of(
        train: Cohort, texts: tuple[str, ...], layout: Layout, settled: tuple[Settled, ...] = ()
    ) -> "Alike":
        """From train patients, before any model is fitted to them.

        Raises:
            ConditionError: an unknown column or level, an empty range, or what no patient is.
        """
        codec = CourseCodec.fit(train, LEAST)
        found = Alike(codec, understood(codec.lives, codec.lives.schema, texts, layout, settled))
        if not len(found.among(train)):
            raise ConditionError(
                f"no train patient is all of what is asked ({', '.join(texts)}); ask for less"
            )
        return found

    def among(self, cohort: Cohort) -> Cohort:
        """Those of a cohort's patients who are as was asked, with all that happened to them."""
        told = Histories.of(self.codec, cohort).course.statics
        return cohort.only(self.condition.met_by(told))
