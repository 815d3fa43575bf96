"""The command line: which commands there are, and what an exit code means.

Owns the entry point. Each command is a file in `commands/`, imported when it is asked for: start-up counts.

Exit codes: 0 clean; 1 findings, or a difference that was asked for; 2 usage or unreadable input; 3 a bug.
"""

from __future__ import annotations

import contextlib
import os
import sys

import click

COMMANDS = {
    "build": "Compile a configuration into a table file.",
    "check": "Report every mistake in configurations.",
    "config": "Print the resolved configuration and where each value comes from.",
    "convert": "Rewrite a configuration in the other syntax.",
    "explain": "Say which route a request takes, what happens to it, and why the others do not.",
    "fmt": "Lay KDL files out the one way.",
    "init": "Write a commented configuration to start from.",
    "reload": "Have a running gateway take over its configuration, or go back.",
    "routes": "Print the routes in the order they are asked.",
    "run": "Serve from a configuration.",
    "schema": "Print the JSON Schema of the configuration.",
    "status": "Say how a running gateway goes.",
    "top": "Show what a running gateway does, live.",
}
"""Every command with its line of help. The help stands here so that `gwc --help` imports none of them."""


class _Commands(click.Group):
    """Commands that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        command = import_module(f"gwc.cli.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, with the nearest name where there is no such command."""
        name = args[0] if args else ""
        if name not in COMMANDS and not name.startswith("-"):
            from gwc.compiler.diagnostics.nearest import nearest

            near = nearest(name, COMMANDS)
            hint = f"; did you mean `{near}`?" if near else f"; there is {', '.join(sorted(COMMANDS))}"
            raise click.UsageError(f"there is no command `{name}`{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"gwc {version()}")
        ctx.exit()


def version() -> str:
    """The version of this package, without reading more metadata than needed."""
    from gwc.schema.version import VERSION

    return VERSION


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version and exit.",
)
def group() -> None:
    """Compile gateway configuration, and say what it does before it does it."""


def main() -> None:
    """The `gwc` command. A bug is told as one (exit code 3); `GWC_DEBUG=1` shows where it happened."""
    try:
        group.main(standalone_mode=True)
    except SystemExit:
        raise
    except BrokenPipeError:
        # The reader went away (`gwc routes | head`): nothing to say, and nobody to say it to.
        _let_go_of_stdout()
        sys.exit(0)
    except OSError as fault:
        # What a command reads and writes by name it judges itself; this is stdout, the disk, the machine.
        where = f"{fault.filename}: " if isinstance(fault.filename, str) else ""
        with contextlib.suppress(OSError):
            print(f"gwc: {where}{fault.strerror or fault}", file=sys.stderr)
        _let_go_of_stdout()
        sys.exit(2)
    except Exception as bug:
        if os.environ.get("GWC_DEBUG"):
            raise
        words = f"{type(bug).__name__}: {bug}".splitlines()[0][:300]
        print(
            f"gwc: internal error: {words}\nThis is a bug in gwc; GWC_DEBUG=1 shows where.", file=sys.stderr
        )
        sys.exit(3)


def _let_go_of_stdout() -> None:
    """What is still to be written to stdout is written nowhere, so that leaving does not fail on it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
