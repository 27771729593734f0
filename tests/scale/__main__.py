"""`python -m tests.scale`."""

import sys

from tests.scale.simulate import main

sys.exit(main())
