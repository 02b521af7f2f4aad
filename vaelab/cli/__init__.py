"""The command line: `vaelab COMMAND` or `python -m vaelab COMMAND`. Exit code 0, or 2 with one sentence on stderr for bad input.

May import everything but ui, and streamlit never.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from vaelab import __version__
from vaelab.cli.catalog import COMMANDS as CATALOG
from vaelab.cli.flow import COMMANDS as FLOW
from vaelab.cli.import_weights import COMMANDS as IMPORT
from vaelab.cli.measure import COMMANDS as MEASURE
from vaelab.cli.models import COMMANDS as MODELS
from vaelab.cli.reproduce import COMMANDS as REPRODUCE
from vaelab.cli.slim import COMMANDS as SLIM
from vaelab.cli.start_app import COMMANDS as APP
from vaelab.cli.sweep import COMMANDS as SWEEP
from vaelab.cli.training import COMMANDS as TRAINING
from vaelab.config.errors import VaeLabError

BAD_INPUT = 2
INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="vaelab", message="%(prog)s %(version)s")
def cli() -> None:
    """See how autoencoders and variational autoencoders work: train, measure and use them.

    RUN is the name of a run (`vaelab runs`), the path of one, or a trained model that comes with the project
    (`vaelab models`). `vaelab app` opens the app with the pictures.
    """


for command in (*CATALOG, *TRAINING, *SWEEP, *IMPORT, *MODELS, *FLOW, *SLIM, *MEASURE, *REPRODUCE, *APP):
    cli.add_command(command)


def main(args: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0, 2 with one sentence for bad input, 130 after Ctrl-C; click's 1, and silence, where nobody reads on."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name of a file may hold what no encoding has
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(args, prog_name=_program(), standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:  # no command at all: what there is
        click.echo(error.format_message())
        code = 0
    except (click.ClickException, VaeLabError) as error:
        _exit_with(_told(error), BAD_INPUT)
    except (click.Abort, KeyboardInterrupt):
        _exit_with("stopped by Ctrl-C", INTERRUPTED)
    except OSError as error:  # a path that is too long, a folder that may not be read, a disk that fails
        _exit_with(f"{error.filename or 'a file'} cannot be used ({error.strerror}); check the path", BAD_INPUT)
    sys.exit(code if isinstance(code, int) else 0)


def _program() -> str:
    """The command as it was typed, for usage lines: the installed one or the module."""
    return "vaelab" if Path(sys.argv[0]).stem == "vaelab" else "python -m vaelab"


def _told(error: click.ClickException | VaeLabError) -> str:
    """The error in one sentence; one of click's own about what was typed says besides where the command's words are listed."""
    if isinstance(error, VaeLabError):
        return str(error)
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return error.format_message()
    return f"{error.format_message().rstrip('.')} (`{error.ctx.command_path} --help` lists what it takes)"


def _exit_with(message: str, code: int) -> None:
    click.echo(f"vaelab: {' '.join(message.split())}", err=True)
    sys.exit(code)
