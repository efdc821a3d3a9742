"""The shared harness with one difference: state names are unique across Parallel branches, because AWS refuses others.

Takes the options of bench_api.py; NEWEL_HARNESS names the folder that it is in.
"""

import argparse
import os
import sys

sys.path.insert(0, os.environ["NEWEL_HARNESS"])
import bench_api
from bench_client import run


def renamed(workflow: dict, suffix: str) -> dict:
    """The same workflow with `suffix` at the end of its states' names."""
    states = {}
    for name, state in workflow["States"].items():
        targets = {"Next": state["Next"] + suffix} if "Next" in state else {}
        states[name + suffix] = {**state, **targets}
    return {**workflow, "StartAt": workflow["StartAt"] + suffix, "States": states}


class Bench(bench_api.Bench):
    async def machine(self, definition, kind="STANDARD", name=None):
        states = {
            key: {**state, "Branches": [renamed(branch, f"-{n}") for n, branch in enumerate(state["Branches"])]}
            if state["Type"] == "Parallel"
            else state
            for key, state in definition["States"].items()
        }
        return await super().machine({**definition, "States": states}, kind, name)


async def measure(options) -> None:
    bench = Bench(options)
    for name in options.scenario.split(","):
        await bench.one(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--scenario", required=True, help="comma list")
    parser.add_argument("--pid", type=lambda text: [int(part) for part in text.split(",")], required=True)
    parser.add_argument("--label", required=True)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.set_defaults(max_seconds=60, account="123456789012", s3_endpoint=None, dmap_type="STANDARD")
    run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
