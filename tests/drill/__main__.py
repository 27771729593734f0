"""`python -m tests.drill`."""

import sys

from tests.drill.run import main

sys.exit(main())
