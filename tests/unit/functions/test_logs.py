"""Log streams as files."""

import os
import re

from newel.functions import logs
from newel.functions.logs import LogStream

from .harness import folder_is_private


def test_a_stream_is_written_read_and_listed(tmp_path):
    stream = LogStream(tmp_path, "$LATEST")
    stream.write("one\n")
    start = stream.size()
    stream.write("twö\n")
    assert stream.tail(start, 100).decode() == "twö\n"
    assert stream.tail(0, 3) == "ö\n".encode()
    stream.close()
    stream.write("after the process ended\n")
    (listed,) = logs.streams(tmp_path)
    assert listed.name == stream.name
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", listed.name)
    assert listed.path.read_text() == "one\ntwö\nafter the process ended\n"
    assert listed.size == stream.size()
    assert folder_is_private(listed.path)


def test_a_stream_of_a_deleted_function_swallows_what_is_written(tmp_path):
    stream = LogStream(tmp_path, "1")
    stream.close()
    stream.path.unlink()
    stream.write("lost\n")
    assert (stream.size(), stream.tail(0, 10)) == (0, b"")
    assert list(tmp_path.iterdir()) == []


def test_a_stream_that_grows_too_large_keeps_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "STREAM_BYTES_MAX", 1000)
    monkeypatch.setattr(logs, "_KEPT_BYTES", 100)
    stream = LogStream(tmp_path, "1")
    for number in range(100):
        stream.write(f"line {number}\n")
    stream.trim()
    assert stream.size() > 500  # within its bound it stays whole
    stream.write("x" * 600 + "\nlast\n")
    stream.trim()
    text = stream.path.read_text()
    assert text.startswith("[older log lines were removed]\n")
    assert text.endswith("last\n")
    stream.close()


def test_a_folder_loses_its_oldest_streams(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "FOLDER_BYTES_MAX", 250)
    made = []
    for number in range(4):
        stream = LogStream(tmp_path, "1")
        stream.write("x" * 100)
        stream.close()
        os.utime(stream.path, (number, number))
        made.append(stream.path)
    logs.prune(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(made[2:])
    monkeypatch.setattr(logs, "FOLDER_STREAMS_MAX", 1)
    logs.prune(tmp_path)
    assert list(tmp_path.iterdir()) == made[3:]
