"""The generator of a release, fitted to other rows: what attacks with shadow fits ask for."""

from collections.abc import Callable

from medsynai.data.source import Source
from medsynai.data.table import Table
from medsynai.flow.maker import Maker
from medsynai.flow.opening import Parts
from medsynai.flow.plan import Plan
from medsynai.flow.training import Trained, least_of
from medsynai.flow.withholding import withhold
from medsynai.generator import Condition
from medsynai.models.catalog import load_model
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds


def refitter(
    trained: Trained, parts: Parts, plan: Plan, rows: int, tell: Callable[[str], None]
) -> Callable[[Table, Seeds], Table]:
    """A function that fits the same model to the rows given and draws `rows` of it.

    Everything is done again that hangs on the rows: rare levels are withheld and rules are kept by
    repair. No fit is released, so each has a ledger of its own that goes with it; what the attack
    finds is charged where the report is.
    """
    model = load_model(trained.name, trained.settings)
    done = 0

    def refit(table: Table, seeds: Seeds) -> Table:
        nonlocal done
        done += 1
        tell(f"Judging: shadow fit {done}")
        held = withhold(table, least_of(plan), seeds.of("withhold"), plan.keep)
        fitted = model.fit(held.table, Ledger(), seeds.of("fit"))
        source: Source = trained.maker.source
        maker = Maker(fitted, trained.maker.schema, parts.recipe, source, held.levels)
        return maker.draw(rows, seeds.of("draw"), Condition()).table

    return refit
