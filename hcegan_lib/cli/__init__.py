"""The command `hcegan`: one module per group of commands reads its options, calls the library and prints the result.

Nothing here computes anything, and `hcegan --help` loads neither torch, pandas nor matplotlib.
"""

from hcegan_lib.cli.command import main

__all__ = ["main"]
