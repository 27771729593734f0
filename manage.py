#!/usr/bin/env python3
"""Django's command line with the settings of this clone."""

import sys

from mdo.cli.environment import adopt

if __name__ == "__main__":
    adopt()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
