"""From the return of a task token to the next state's task: the time in between, over the wire.

Exits with 1 if its 95th percentile is 20 ms or more.
"""

import argparse
import sys

import servers

P95_MS = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if not servers.HARNESS.is_dir():
        print(f"the harness is missing: {servers.HARNESS} (NEWEL_SHARED names the folder that holds bench/)")
        return 1
    with servers.running("newel") as server:
        result = servers.harness(server, "token", 1.0, options.repeats)["token"]
    print(
        f"token round trip: p50 {result['p50_ms']:.1f} ms, p95 {result['p95_ms']:.1f} ms (goal: p95 under {P95_MS} ms)"
    )
    return 0 if result["p95_ms"] < P95_MS else 1


if __name__ == "__main__":
    sys.exit(main())
