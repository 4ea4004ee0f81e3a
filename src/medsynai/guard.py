"""What stands around every command: exit codes, errors as one line, results as one JSON object."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from medsynai.errors import MedSynAIError

DONE, FAULT, BAD_INPUT, GATE_FAILED, INTERRUPTED = 0, 1, 2, 3, 130
NOTHING_LEFT = "interrupted; nothing was left behind"
Command = Callable[..., int]
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")


def guarded(command: Command) -> Callable[..., None]:
    """Turn errors into one clear line and an exit code; no cell's value is ever printed."""

    @wraps(command)
    @click.pass_context
    def call(context: click.Context, /, **options: Any) -> None:
        as_json = bool(options.get("as_json"))
        try:
            code = command(**options)
        except MedSynAIError as error:
            code = fail(str(error), BAD_INPUT, as_json)
        except KeyboardInterrupt as interrupt:
            code = fail(str(interrupt) or NOTHING_LEFT, INTERRUPTED, as_json)
        except BrokenPipeError:
            raise  # not a fault: see `main`
        except Exception as error:
            if context.find_root().params.get("debug"):
                raise
            # an unforeseen error's own text may hold a value of the data, so it is not shown
            said = f"a fault of ours ({type(error).__name__}); no release was written. "
            code = fail(said + "See where with: medsynai --debug ...", FAULT, as_json)
        context.exit(code)

    return call


def fail(message: str, code: int, as_json: bool) -> int:
    """Say what went wrong, on stderr and, if asked for, as JSON on stdout."""
    click.secho("Error: ", fg="red", bold=True, nl=False, err=True)
    click.echo(message, err=True)
    if as_json:
        print_json({"error": message, "exit_code": code})
    return code


def print_json(value: Any) -> None:
    """One object on stdout."""
    from medsynai import store

    click.echo(store.to_json(value))
