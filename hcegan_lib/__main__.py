"""`python -m hcegan_lib` is the command `hcegan`, also where the command is not on the path."""

import sys

from hcegan_lib.cli import main

sys.exit(main())
