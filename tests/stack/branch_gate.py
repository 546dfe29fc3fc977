"""A gate on branches alone: in the combined figure, many covered lines hide missed branches.

``python -m tests.stack.branch_gate coverage.json 95``
"""

import json
import sys
from pathlib import Path


def main() -> None:
    """Exit with status 1 if fewer branches than the given percentage are covered."""
    report, minimum = Path(sys.argv[1]), float(sys.argv[2])
    totals = json.loads(report.read_text())["totals"]
    covered, total = totals["covered_branches"], totals["num_branches"]
    percentage = 100 * covered / total if total else 100.0
    print(f"Branches covered: {covered} of {total}, {percentage:.1f} % (at least {minimum:g} %)")
    sys.exit(percentage < minimum)


if __name__ == "__main__":
    main()
