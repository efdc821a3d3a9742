"""Newel beside MiniStack, moto and an ideal server, on the shared harness, in one run: a table of ratios and goals.

Exits with 1 if a goal is missed. Figures are only worth something on a machine that does nothing else.
"""

import argparse
import json
import sys
from pathlib import Path

import goals
import servers

# What each server is asked for, and how much of it: the slow ones get less of the same.
PLAN = (
    ("ideal", "latency,express,throughput", 1.0),
    ("newel", "latency,express,throughput,jsonata,map,parallel,activity,token", 1.0),
    ("ministack", "latency,express,throughput,map,parallel", 0.25),
    ("moto", "latency", 0.25),
    ("ideal", "latency,express,throughput", 1.0),
)


def mean_of(first: dict, second: dict) -> dict:
    """Two runs of the same scenario as one: numbers averaged, the rest from the first."""
    merged = {}
    for key, value in first.items():
        other = second.get(key)
        if isinstance(value, dict) and isinstance(other, dict):
            merged[key] = mean_of(value, other)
        elif isinstance(value, (int, float)) and isinstance(other, (int, float)):
            merged[key] = (value + other) / 2
        else:
            merged[key] = value
    return merged


def drift(first: dict[str, dict], second: dict[str, dict]) -> float:
    """The largest change between the two runs of the ideal server, as a factor."""
    a, b = first["throughput"].get("trans_s"), second["throughput"].get("trans_s")
    return max(a, b) / min(a, b) if a and b else float("inf")


def busy(results: goals.Results) -> float:
    """How much longer than its CPU time the harness's calibration loop took at worst: 1 on an idle machine."""
    pairs = [result["calib_ms"] for scenarios in results.values() for result in scenarios.values()]
    return max(wall / cpu for wall, cpu in pairs)


def api(options: argparse.Namespace) -> bool:
    if not servers.HARNESS.is_dir():
        print(f"the harness is missing: {servers.HARNESS} (NEWEL_SHARED names the folder that holds bench/)")
        return False
    results: goals.Results = {}
    change = 1.0
    for label, scenarios, share in PLAN:
        with servers.running(label) as server:
            found = servers.harness(server, scenarios, options.scale * share, options.repeats)
        if label in results:
            change = drift(results[label], found)
            found = {name: mean_of(results[label][name], result) for name, result in found.items()}
        results[label] = found
    if options.out:
        options.out.write_text(json.dumps(results, indent=1))
    verdicts = goals.table(results)
    share = busy(results)
    print(
        f"the ideal server changed by a factor of {change:.2f} between its two runs; a fixed loop took up to {share:.1f} times its CPU time"
    )
    if change > 1.3 or share > 1.3:
        print("other work ran on this machine: these figures cannot be judged, run again when it is quiet")
    return all(verdict.met for verdict in verdicts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="shrinks the counts")
    parser.add_argument("--repeats", type=int, default=3, help="of each scenario")
    parser.add_argument("--out", type=Path, help="a file for everything measured, as JSON")
    options = parser.parse_args()
    return 0 if api(options) else 1


if __name__ == "__main__":
    sys.exit(main())
