"""Makes reviews, the same each time: a CSV with semicolons whose `bad` ones have no text."""

from __future__ import annotations

import csv
import io
import random

_GOOD = ("lovely", "sturdy", "worth its price", "better than the last one", "just right")
_POOR = ("broken", "too loud", "a waste of money", "smaller than shown", "back to the shop")
_THINGS = ("kettle", "lamp", "rucksack", "radio", "umbrella", "coffee mill")


def make_reviews(number: int, bad: int, seed: int = 1) -> str:
    """`number` reviews with the columns id and text."""
    rng = random.Random(seed)
    empty = set(rng.sample(range(number), bad))
    file = io.StringIO()
    rows = csv.writer(file, delimiter=";", lineterminator="\n")
    rows.writerow(["id", "text"])
    for at in range(number):
        rows.writerow([f"review-{at:07d}", "" if at in empty else _text(rng)])
    return file.getvalue()


def _text(rng: random.Random) -> str:
    return f'This {rng.choice(_THINGS)}; "{rng.choice(rng.choice((_GOOD, _POOR)))}", as they say.'
