"""How fast expressions run: ours, three libraries, and the same written by hand in Python, all in one run.

    .venv/bin/python bench/jsonata.py [--seconds 0.2] [--row NAME]

The libraries are installed into a folder of their own at the first run; one that cannot be is left out with a note.
Times are per evaluation of a compiled expression, the best of several rounds.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

# This file has the name of a library's module: its folder must not be searched.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).parent.resolve()]
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
from newel.expr.jsonata import compile as ours  # noqa: E402

LIBRARIES = Path(__file__).parents[1] / ".cache" / "bench-jsonata"
PACKAGES = ["jsonata-python==0.7.1", "jsonatapy==2.2.13", "jsonata2py==0.1.3"]
ROUNDS = 5
SSN = re.compile(r"^(\d{3}-?\d{2}-?\d{4}|XXX-XX-XXXX)\Z")


class Row(NamedTuple):
    name: str
    text: str
    data: Any
    bindings: dict[str, Any]
    by_hand: Callable[[Any, dict[str, Any]], Any]


def items(count):
    return [
        {"id": f"i{n}", "name": f"Item {n}", "price": (n * 37 % 500) + 0.25, "qty": n % 7 + 1, "kind": f"k{n % 20}"}
        for n in range(count)
    ]


def big_states():
    rows = [{"id": n, "text": "x" * 80, "tags": ["a", "b"]} for n in range(530)]
    states = {"input": {"type": "order", "amount": 120, "rows": rows}, "context": {"Execution": {"Name": "e"}}}
    assert len(json.dumps(states)) > 64_000
    return states


def group_by_hand(data, _):
    out = {}
    for item in data["items"]:
        out.setdefault(item["kind"], []).append(item["price"])
    return {kind: sum(prices) for kind, prices in out.items()}


def reduce_by_hand(data, _):
    total = 0
    for number in data["numbers"]:
        total = total + number
    return total


def rows():
    one = {"customer": {"address": {"city": "Columbus"}, "ssn": "123-45-6789", "age": 41}, "a": 3, "b": 4.5, "c": 2}
    few, many = {"items": items(10)}, {"items": items(1000)}
    numbers = {"numbers": list(range(1000))}
    big = {"states": big_states()}
    total = "$sum(items[price > 100].(price * qty))"
    sum_by_hand = lambda data, _: sum(i["price"] * i["qty"] for i in data["items"] if i["price"] > 100)
    project = 'items.{"id": id, "total": price * qty, "label": name}'
    project_by_hand = lambda data, _: [
        {"id": i["id"], "total": i["price"] * i["qty"], "label": i["name"]} for i in data["items"]
    ]
    template = '{"city": customer.address.city, "adult": customer.age >= 18, "sum": a + b, "key": "c-" & customer.ssn}'
    template_by_hand = lambda d, _: {
        "city": d["customer"]["address"]["city"], "adult": d["customer"]["age"] >= 18, "sum": d["a"] + d["b"], "key": "c-" + d["customer"]["ssn"],
    }  # fmt: skip
    join = '$join(items.tags.$each(function($v, $k){$k & "=" & $v}), ",")'
    tagged = {"items": [{"tags": {"a": "1", "b": "2"}} for _ in range(5)]}
    join_by_hand = lambda d, _: ",".join(f"{k}={v}" for i in d["items"] for k, v in i["tags"].items())
    return [
        Row("path", "customer.address.city", one, {}, lambda d, _: d["customer"]["address"]["city"]),
        Row("arithmetic", "(a + b) * c - a / 2", one, {}, lambda d, _: (d["a"] + d["b"]) * d["c"] - d["a"] / 2),
        Row("regex match", "$contains(customer.ssn, /^(\\d{3}-?\\d{2}-?\\d{4}|XXX-XX-XXXX)$/)", one, {}, lambda d, _: SSN.search(d["customer"]["ssn"]) is not None),
        Row("join + each", join, tagged, {}, join_by_hand),
        Row("filter + sum, 10", total, few, {}, sum_by_hand),
        Row("filter + sum, 1000", total, many, {}, sum_by_hand),
        Row("$map, 1000", "$map(numbers, function($v){$v * 2 + 1})", numbers, {}, lambda d, _: [v * 2 + 1 for v in d["numbers"]]),
        Row("$reduce, 1000", "$reduce(numbers, function($a, $v){$a + $v})", numbers, {}, reduce_by_hand),
        Row("group by, 1000", "items{kind: $sum(price)}", many, {}, group_by_hand),
        Row("projection, 10", project, few, {}, project_by_hand),
        Row("projection, 1000", project, many, {}, project_by_hand),
        Row("template, 4 fields", template, one, {}, template_by_hand),
        Row("condition, 64 KB $states", '$states.input.type = "order" and $states.input.amount > 100', None, big,
            lambda _, b: b["states"]["input"]["type"] == "order" and b["states"]["input"]["amount"] > 100),
    ]  # fmt: skip


def run_ours(row):
    expression = ours(row.text)
    bindings = row.bindings or None
    return lambda: expression.evaluate(row.data, bindings)


def run_python(row):
    jsonata = importlib.import_module("jsonata")
    expression = jsonata.Jsonata(row.text)
    if not row.bindings:
        return lambda: expression.evaluate(row.data)

    def run():
        frame = expression.create_frame()
        for name, value in row.bindings.items():
            frame.bind(name, value)
        return expression.evaluate(row.data, frame)

    return run


def run_rust(row):
    expression = importlib.import_module("jsonatapy").compile(row.text)
    return lambda: expression.evaluate(row.data, row.bindings or None)


def run_translated(row):
    package = importlib.import_module("jsonata2py")
    expression = package.compile(row.text)
    bindings = package.JsonataBindings()
    for name, value in row.bindings.items():
        bindings = bindings.bind_value(name, value) or bindings
    return lambda: expression.evaluate(row.data, bindings) if row.bindings else expression.evaluate(row.data)


def run_by_hand(row):
    return lambda: row.by_hand(row.data, row.bindings)


COLUMNS = {
    "ours": ("", run_ours),
    "jsonata-python": ("jsonata", run_python),
    "jsonatapy": ("jsonatapy", run_rust),
    "jsonata2py": ("jsonata2py", run_translated),
    "by hand": ("", run_by_hand),
}


def install_libraries():
    stamp = LIBRARIES / ".packages"
    if not stamp.exists() or stamp.read_text() != "\n".join(PACKAGES):
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--upgrade"]
        done = subprocess.run(
            [*command, "--target", str(LIBRARIES), *PACKAGES], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(f"note: the libraries could not be installed: {done.stderr[-300:]}")
            return
        stamp.write_text("\n".join(PACKAGES))
    sys.path.append(str(LIBRARIES))


def available():
    install_libraries()
    found = {}
    for name, (module, make) in COLUMNS.items():
        try:
            if module:
                importlib.import_module(module)
        except ImportError:
            print(f"note: {name} cannot be imported, its column is left out")
        else:
            found[name] = make
    return found


def measure(run, seconds):
    run()
    start = time.perf_counter()
    run()
    once = max(time.perf_counter() - start, 1e-7)
    count = max(1, int(seconds / ROUNDS / once))
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(count):
            run()
        best = min(best, (time.perf_counter() - start) / count)
    return best


def cell(make, row, seconds):
    try:
        return measure(make(row), seconds)
    except Exception as error:  # a library that can't do it is a result too
        return f"{type(error).__name__}"


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=0.3, help="time for each cell")
    options.add_argument("--row", help="only rows whose name contains this")
    chosen = options.parse_args()
    columns = available()
    print(
        f"{'microseconds':26}"
        + "".join(f"{name:>16}" for name in columns)
        + f"{'ours/by hand':>15}{'best lib/ours':>15}"
    )
    for row in rows():
        if chosen.row and chosen.row not in row.name:
            continue
        cells = {name: cell(make, row, chosen.seconds) for name, make in columns.items()}
        shown = "".join(
            f"{value * 1e6:16.2f}" if isinstance(value, float) else f"{value:>16}" for value in cells.values()
        )
        libraries = [
            value for name, value in cells.items() if name not in ("ours", "by hand") and isinstance(value, float)
        ]
        lead = f"{min(libraries) / cells['ours']:15.1f}" if libraries else f"{'-':>15}"
        print(f"{row.name:26}{shown}{cells['ours'] / cells['by hand']:15.2f}{lead}")


if __name__ == "__main__":
    main()
