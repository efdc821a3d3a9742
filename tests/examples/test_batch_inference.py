"""What the batch inference example is made of: its reviews, and the jobs that answer them."""

import csv
import io
import sys

from running import EXAMPLES

sys.path[:0] = [str(EXAMPLES), str(EXAMPLES / "batch-inference")]
from batch_jobs import answer  # noqa: E402
from reviews import make_reviews  # noqa: E402

QUESTION = "Positive or negative? "


def rows(text):
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


def test_reviews_are_the_same_each_time_and_some_have_no_text():
    found = rows(make_reviews(20_000, 37))
    assert len({row["id"] for row in found}) == 20_000
    assert sum(row["text"] == "" for row in found) == 37
    assert make_reviews(50, 2) == make_reviews(50, 2)
    assert any(";" in row["text"] and '"' in row["text"] for row in found)


def test_the_model_refuses_what_has_no_text():
    def asked(text):
        return {"recordId": "r", "modelInput": {"messages": [{"content": QUESTION + text}]}}

    refused = answer(asked(""))
    assert (refused["recordId"], refused["error"]["errorCode"]) == ("r", 400)
    assert answer(asked("This lamp; sturdy"))["modelOutput"]["content"][0]["text"] == "positive"
    assert answer(asked("This lamp; broken"))["modelOutput"]["content"][0]["text"] == "negative"
