"""`python -m tests.failover`."""

import sys

from tests.failover.run import main

sys.exit(main())
