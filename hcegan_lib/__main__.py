"""`python -m hcegan_lib` runs the command `hcegan`, even if it is not on the path."""

import sys

from hcegan_lib.cli import main

sys.exit(main())
