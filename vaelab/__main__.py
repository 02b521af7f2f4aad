"""`python -m vaelab`: the command line."""

from vaelab.cli import main

main()
