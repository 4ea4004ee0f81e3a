"""Write docs/cli.md from the command itself, so that the page cannot say what the code does not."""

from pathlib import Path

import click

from medsynai.cli import cli

OUT = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
HEAD = """# The command

Made by `make docs` from the command's own help; a test holds page and code together.

`medsynai` and `python -m medsynai` are the same. Results go to stdout, progress and warnings to
stderr; progress is shown on a terminal only. With `--json` stdout holds one object.

| exit code | meaning |
|---|---|
| 0 | done, and no gate failed |
| 1 | a fault of ours; nothing was written |
| 2 | bad input or usage; the message says what to do |
| 3 | done, but a gate failed or could not be decided; the report says which |
| 130 | interrupted; nothing was left behind, or it is said what is kept or spent |
"""


def page() -> str:
    """The whole page."""
    context = click.Context(cli, info_name="medsynai", **cli.context_settings)
    parts = [HEAD, section(context)]
    for name, command in sorted(cli.commands.items()):
        parts.append(section(click.Context(command, parent=context, info_name=name)))
    return "\n".join(parts)


def section(context: click.Context) -> str:
    """One command: what it does, how it is called, and every option."""
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    about = (command.help or "").split("\n\n", 1)[0].replace("\n", " ").strip()
    lines = [f"## {context.command_path}", "", about, "", "```text", usage, "```", ""]
    lines += ["| option | meaning |", "|---|---|"]
    for option in command.get_params(context):
        if isinstance(option, click.Option):
            lines.append(f"| {spelt(option)} | {meaning(option)} |")
    return "\n".join(lines) + "\n"


def spelt(option: click.Option) -> str:
    """The option as it is typed."""
    return ", ".join(f"`{o} {option.metavar or ''}".rstrip() + "`" for o in option.opts)


def meaning(option: click.Option) -> str:
    """The option's help, and whether it must or may be given more than once."""
    said = [(option.help or "").replace("|", "\\|")]
    said += ["Required."] * option.required + ["May be given several times."] * option.multiple
    return " ".join(said)


def main() -> None:
    """Write the page."""
    OUT.write_text(page(), encoding="utf-8")
    print(f"{OUT.name}: {len(cli.commands)} commands")


if __name__ == "__main__":
    main()
