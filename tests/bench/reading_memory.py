"""``python -m tests.bench.reading_memory FILE``: opens a list and reads its rows, in a process that does nothing else; says how much memory
that took at most (megabytes), and what came of it."""

import json
import resource
import sys

from django.conf import settings

if __name__ == "__main__":
    settings.configure()
    from cases.exchange.reading import open_table
    from cases.exchange.tables import InvalidTable

    with open(sys.argv[1], "rb") as file:
        try:
            said = f"{sum(1 for _row in open_table(file).rows())} rows"
        except InvalidTable as refused:
            said = str(refused.code)
    print(json.dumps({"mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "said": said}))
