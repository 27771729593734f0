"""The rules that propose values from a text, on the texts that judge them: `make bench-proposals`.

Writes `var/bench-proposals.json` and fails when a goal is missed, or when the control meets the goals: every value moved to another
tumour. Only counts come out, never a text: whoever mends rules by what stands there has no texts left that judge them.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from time import perf_counter, process_time
from typing import Any

from cases.coding.proposals import Proposal, propose
from tests.bench.rig import origin, percentile, write
from tests.cases.proposals.scoring import ALL, Score, score, table, texts

PRECISION, RECALL = 0.98, 0.85  # of all fields together
JUDGES = "held_out_4"  # the first three sets were read since, by whoever writes the rules
LONGEST, LONGEST_MS = 20_000, 100  # the most that a page reads at once, and how long that may take a processor


def misses(scores: dict[str, Score]) -> list[str]:
    goals = {"precision": (scores[ALL].precision, PRECISION), "recall": (scores[ALL].recall, RECALL)}
    return [f"{name} {found:.3f} of {asked}" for name, (found, asked) in goals.items() if found < asked]


def for_another_tumour(text: str) -> list[Proposal]:
    return [replace(proposal, tumour=proposal.tumour + 1) for proposal in propose(text)]


def per_text() -> dict[str, float]:
    """How long the rules take over the texts, each once, in milliseconds."""
    propose("warm")
    times = []
    for text, _answers in texts(JUDGES):
        begun = perf_counter()
        propose(text)
        times.append(1000 * (perf_counter() - begun))
    return {"p50_ms": percentile(times, 0.5), "p95_ms": percentile(times, 0.95)}


def longest() -> float:
    """How much of a processor's time the rules take over the longest text, in milliseconds: the best of seven times."""
    whole = "\n\n".join(text for text, _answers in texts("developing"))[:LONGEST]
    times = []
    for _ in range(7):
        begun = process_time()
        propose(whole)
        times.append(1000 * (process_time() - begun))
    return min(times)


def main() -> int:
    scores = score(JUDGES, propose)
    control = misses(score(JUDGES, for_another_tumour))
    fields: dict[str, Any] = {
        field: {"precision": [one.right, one.proposed], "recall": [one.found, one.expected]}
        for field, one in scores.items()
    }
    missed, time = misses(scores), per_text() | {"longest_cpu_ms": longest()}
    if time["longest_cpu_ms"] > LONGEST_MS:
        missed.append(f"{LONGEST} characters took {time['longest_cpu_ms']:.0f} ms of {LONGEST_MS}")
    result = origin() | {"fields": fields, "time": time, "misses": missed, "control_misses": control}
    write("bench-proposals", result)
    print(table(scores))
    print(result["time"], *result["misses"], sep="\n")
    return 1 if result["misses"] or not control else 0


if __name__ == "__main__":
    sys.exit(main())
