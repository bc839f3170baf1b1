"""The command `neat`.

Exit codes: 0 solved, or no target was set; 1 ran, but not solved, or all genomes failed; 2 bad input; 3 the user's code
or the machine failed; 130 Ctrl-C. Errors and progress go to standard error.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from importlib import import_module
from typing import Any

import click

from experiments.errors import BadInput, Failure, one_line
from experiments.foreign import foreign_package
from experiments.machine import refusal
from experiments.streams import guard, output_failure

__all__ = ["main"]

COMMANDS = {
    "run": "Evolve: a ready experiment or a configuration of your own.",
    "resume": "Go on with a run that was interrupted, or further with a finished one.",
    "refine": "Tune the weights of a run's champion, its graph unchanged.",
    "train": "Train a fixed network by any method, with gradients or without.",
    "evaluate": "Test a run's champion on fresh episodes.",
    "replay": "Watch a run's champion play, in a window or as a GIF or MP4.",
    "export": "Write a run's champion as Python or C that needs nothing else.",
    "show": "Describe a run and its champion, with pictures.",
    "list": "List the ready experiments, tasks and benchmarks.",
    "bench": "Run a benchmark.",
    "study": "Training without gradients: which methods win where, measured on this machine.",
}


class _Lazy(click.Group):
    """Imports a command when it is called; its help needs the line above only."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        if name != "list" and os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
            raise click.UsageError("NUMBA_DISABLE_JIT is set, which is not supported: unset it")
        command: click.Command = import_module(f"experiments.commands.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        import difflib

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f": must be one of {', '.join(COMMANDS)}"
            raise click.UsageError(f"there is no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="speciate", prog_name="speciate")
def neat() -> None:
    """Evolve neural networks: topology and weights (NEAT)."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit with its code."""
    guard()
    code = _run(arguments)
    lost = output_failure()
    if lost is not None:
        code = _error(f"standard output: cannot be written: {lost.strerror or lost}", 3)
    sys.exit(code)


def _run(arguments: list[str] | None) -> int:
    problem = foreign_package()
    if problem is not None:
        return _error(problem, 2)
    try:
        result: Any = neat.main(arguments, prog_name="neat", standalone_mode=False)
    except click.ClickException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # of click 8.2 and later
            print(error.format_message(), file=sys.stderr)
            return 2
        return _error(one_line(error.format_message()), 2)
    except BadInput as error:
        return _error(one_line(str(error)), error.exit_code)
    except Failure as error:
        return _error(str(error), error.exit_code)
    except (KeyboardInterrupt, click.exceptions.Abort):
        return _error("interrupted", 130)
    except (Exception, SystemExit) as error:
        refused = refusal(error)
        if refused is not None:
            too_long = isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG  # which the user has given
            return _error(one_line(refused), 2 if too_long else 3)
        # A fault of ours, or a user's environment that ends the process: shown whole, and never the exit code of a run
        # that was not solved
        traceback.print_exc()
        return 3
    return result if isinstance(result, int) else 0


def _error(message: str, code: int) -> int:
    print(f"neat: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
