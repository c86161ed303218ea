"""`python -m hcegan_lib.cli` is the command `hcegan`."""

import sys

from hcegan_lib.cli import main

sys.exit(main())
