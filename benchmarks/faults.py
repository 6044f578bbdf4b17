"""
The fault table of the tests, many times over.

Run ``python benchmarks/faults.py [--times 20] [--reactor epoll] [FAULT…]``. Each row runs in care and
in plain Twisted, in child processes, and is judged as the tests judge it, but that it must be over
2 s after its grace. For each row: in how many runs txresource kept all that is promised, and in
how many plain Twisted failed as the table says. Exits with 1 when a row in care failed once.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.real.faults.runner import cases, failures, faults_in_care, run_all
from tests.real.faults.table import rows

LATE = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(description="the fault table, many times over")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--reactor", default="epoll")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="those of the table; none: all")
    options = parser.parse_args()
    chosen = [row for row in rows() if not options.faults or row.fault in options.faults]
    kept: Counter[tuple[str, str]] = Counter()
    as_said: Counter[tuple[str, str]] = Counter()
    began = time.monotonic()
    for number in range(1, options.times + 1):
        for case, told in run_all(list(cases(chosen, options.reactor))):
            wrong = faults_in_care(case, told, LATE) if case.care else []
            for row in case.judged:
                if case.care:
                    kept[row.fault, case.kind] += not wrong
                else:
                    as_said[row.fault, case.kind] += failures(row, told) == row.plain
            for line in wrong:
                print(f"run {number}: {case}: {line}")
    print(f"{options.times} runs on {options.reactor}, {time.monotonic() - began:.0f} s")
    print(f"{'fault':<30}{'':<6}{'in care':>10}{'plain as in the table':>24}")
    for row in chosen:
        for kind in row.kinds():
            key = row.fault, kind
            print(f"{row.fault:<30}{kind:<6}{kept[key]:>10}{as_said[key]:>24}")
    return int(any(kept[row.fault, k] < options.times for row in chosen for k in row.kinds()))


if __name__ == "__main__":
    sys.exit(main())
