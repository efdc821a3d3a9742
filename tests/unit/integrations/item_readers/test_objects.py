"""Listings, manifests, compression, what a ReaderConfig says, and S3's refusals."""

import gzip
import hashlib
import json
import zlib

import pytest

from integrations.memory_objects import ACTOR, MemoryObjects

from .reading import cause, items, one, sliced, spec, values

JSONL = {"InputType": "JSONL"}
CSV = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}
LIST = "s3:listObjectsV2"


@pytest.fixture
def store():
    store = MemoryObjects(cut=sliced(5))
    for key, body in (
        ("in/", ""),
        ("in/1.jsonl", '{"n":1}\n{"n":2}\n'),
        ("in/2.jsonl", ""),
        ("in/3.jsonl", '{"n":3}\n'),
        ("out", "x"),
    ):
        store.add(key, body)
    return store


# -- listings


def test_a_listing_gives_objects(store):
    read = items(store, spec({}, LIST, Prefix="in/"))
    assert [item.value["Key"] for item in read] == ["in/", "in/1.jsonl", "in/2.jsonl", "in/3.jsonl"]
    assert list(read[1].value.items()) == [
        ("Etag", f'"{hashlib.md5(store.bodies["b", "in/1.jsonl"]).hexdigest()}"'),
        ("Key", "in/1.jsonl"),
        ("LastModified", 1_700_000_000),
        ("Size", 16),
        ("StorageClass", "STANDARD"),
    ]
    assert {item.source for item in read} == {"S3://b"}


def test_a_listing_goes_on_after_its_key_even_if_keys_have_come_before_it(store):
    read = items(store, spec({}, LIST, Prefix="in/"))
    store.add("in/0.jsonl", "new")
    assert [value["Key"] for value in values(store, spec({}, LIST, Prefix="in/"), read[1].position)] == [
        "in/2.jsonl",
        "in/3.jsonl",
    ]


def test_load_and_flatten_gives_the_items_of_all_objects(store):
    wanted = spec({**JSONL, "Transformation": "LOAD_AND_FLATTEN"}, LIST, Prefix="in/")
    read = items(store, wanted)
    assert [(item.value["n"], item.source) for item in read] == [
        (1, "S3://b/in/1.jsonl"),
        (2, "S3://b/in/1.jsonl"),
        (3, "S3://b/in/3.jsonl"),
    ]
    for at, item in enumerate(read):
        assert [value["n"] for value in values(store, wanted, item.position)] == [1, 2, 3][at + 1 :]


def test_load_and_flatten_needs_a_format(store):
    config = {"Transformation": "LOAD_AND_FLATTEN"}
    assert "InputType" in cause(store, spec(config, LIST, Prefix="in/1"))


# -- manifests


def inventory(**more):
    manifest = {
        "sourceBucket": "b",
        "destinationBucket": "arn:aws:s3:::reports",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size",
        "files": [{"key": "data/1.csv.gz"}, {"key": "data/2.csv.gz"}],
        **more,
    }
    store = one(json.dumps(manifest), cut=sliced(10))
    store.add("data/1.csv.gz", gzip.compress(b'"b","x%20y","1"\n"b","z","2"\n'), bucket="reports")
    store.add("data/2.csv.gz", gzip.compress(b'"b","w","3"\n'), bucket="reports")
    return store


@pytest.mark.parametrize(
    "config",
    [
        {"InputType": "MANIFEST"},
        {"InputType": "MANIFEST", "ManifestType": "S3_INVENTORY"},
        {"ManifestType": "S3_INVENTORY"},
    ],
)
def test_an_inventory_report(config):
    read = items(inventory(), spec(config))
    assert [item.value for item in read] == [
        {"Bucket": "b", "Key": "x%20y", "Size": "1"},
        {"Bucket": "b", "Key": "z", "Size": "2"},
        {"Bucket": "b", "Key": "w", "Size": "3"},
    ]
    assert [item.source for item in read] == ["S3://reports/data/1.csv.gz"] * 2 + ["S3://reports/data/2.csv.gz"]
    for at, item in enumerate(read):
        assert len(values(inventory(), spec(config), item.position)) == 2 - at


def test_manifests_of_other_kinds_are_refused():
    config = {"InputType": "MANIFEST"}
    assert "must be CSV, and S3://b/k lists Parquet files" in cause(inventory(fileFormat="Parquet"), spec(config))
    assert "not the manifest of an S3 Inventory report" in cause(one("[]"), spec(config))
    assert "not valid JSON" in cause(one("nope"), spec(config))


def test_the_data_manifest_of_an_athena_query():
    store = one("s3://other/a/1\ns3://other/a/2\n")
    store.add("a/1", "x,1\ny,2\n", bucket="other")
    store.add("a/2", "z,3\n", bucket="other")
    config = {"ManifestType": "ATHENA_DATA", "InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["k", "n"]}
    read = items(store, spec(config))
    assert [item.value for item in read] == [{"k": "x", "n": "1"}, {"k": "y", "n": "2"}, {"k": "z", "n": "3"}]
    assert [item.value for item in items(store, spec(config), read[1].position)] == [{"k": "z", "n": "3"}]
    assert "not the data manifest of an Athena query: nope" in cause(one("nope\n"), spec(config))


def test_athena_csv_files_have_no_headers_of_their_own():
    store = one("s3://other/a/1\n")
    config = {"ManifestType": "ATHENA_DATA", "InputType": "CSV"}
    assert cause(store, spec(config)) == (
        "CSVHeaderLocation must be GIVEN: the CSV files of an Athena query have no header row."
    )


# -- compression


@pytest.mark.parametrize("key", ["x.jsonl.gz", "x.JSONL.GZ"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_gzip_by_extension(key, size):
    body = gzip.compress(b"1\n2\n") + gzip.compress(b"3\n") + b"\0\0\0"
    store = one(body, key, cut=sliced(size))
    read = items(store, spec(JSONL, Key=key))
    assert [item.value for item in read] == [1, 2, 3]
    assert values(store, spec(JSONL, Key=key), read[0].position) == [2, 3]


def test_gzip_that_is_none_or_is_cut_off():
    assert "not valid gzip" in cause(one("1\n", "x.gz"), spec(JSONL, Key="x.gz"))
    cut = gzip.compress(b"1\n2\n")[:-4]
    assert cause(one(cut, "x.gz"), spec(JSONL, Key="x.gz")) == "The gzip object ends before its data does."
    assert values(one(b"", "x.gz"), spec(JSONL, Key="x.gz")) == []


def test_compressed_data_is_not_unpacked_at_once(monkeypatch):
    from newel.integrations.item_readers import compression

    packed = gzip.compress(b'{"a":1}\n' * 1_000_000)
    largest = max(len(piece) for piece in compression.decompressor("x.gz").feed(packed))
    assert largest <= 128 * 1024


def test_zstandard_without_its_package(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert cause(one(b"x", "x.zst"), spec(JSONL, Key="x.zst")) == (
        "Reading Zstandard objects needs the package zstandard: install newel with the extra 'zstd'."
    )


@pytest.mark.parametrize("size", [1, 10_000])
def test_zstandard(size):
    zstandard = pytest.importorskip("zstandard")
    body = zstandard.compress(b"1\n2\n") + zstandard.compress(b"3\n")
    store = one(body, "x.jsonl.zstd", cut=sliced(size))
    read = items(store, spec(JSONL, Key="x.jsonl.zstd"))
    assert [item.value for item in read] == [1, 2, 3]
    assert values(store, spec(JSONL, Key="x.jsonl.zstd"), read[1].position) == [3]
    assert "ends before" in cause(one(body[:-3], "x.zst"), spec(JSONL, Key="x.zst"))
    assert "not valid Zstandard" in cause(one(b"nope nope", "x.zst"), spec(JSONL, Key="x.zst"))


# -- the configuration


@pytest.mark.parametrize(("most", "read"), [(None, 3), (0, 3), (1, 1), (2, 2), (2.0, 2), (100_000_001, 3)])
def test_max_items(most, read):
    """Zero means all, and more than 100 million is that many (recorded)."""
    assert len(values(one("1\n2\n3\n"), spec({**JSONL, "MaxItems": most}))) == read


def test_max_items_counts_what_was_read_before():
    store = one("1\n2\n3\n4\n", cut=sliced(2))
    wanted = spec({**JSONL, "MaxItems": 3})
    read = items(store, wanted)
    assert values(store, wanted, read[0].position) == [2, 3]
    assert values(store, wanted, read[2].position) == []


@pytest.mark.parametrize("most", [-1, -100])
def test_max_items_that_is_negative(most):
    """Recorded."""
    assert cause(one("1"), spec({**JSONL, "MaxItems": most})) == "field MaxItems must be positive"


@pytest.mark.parametrize("most", ["3", 1.5, True, []])
def test_max_items_that_is_no_number(most):
    assert cause(one("1"), spec({**JSONL, "MaxItems": most})) == "field MaxItems must be an integer"


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (
            {"InputType": "XML"},
            "The field InputType of ReaderConfig must be one of CSV, JSON, JSONL, PARQUET, MANIFEST.",
        ),
        ({}, "The field InputType of ReaderConfig must be CSV, JSON, JSONL or PARQUET here."),
        ({"InputType": "CSV", "CSVHeaderLocation": "GIVEN"}, "CSVHeaders must be an array of strings."),
        (
            {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": [1]},
            "CSVHeaders must be an array of strings.",
        ),
        ({"InputType": "JSON", "ItemsPointer": "a"}, "ItemsPointer must be a JSON Pointer, which begins with '/'."),
        ({"InputType": "CSV", "Nope": 1}, "The field Nope of ReaderConfig is not supported."),
    ],
)
def test_configurations_that_are_refused(config, says):
    assert cause(one("[]"), spec(config)) == says


@pytest.mark.parametrize("arguments", [{"Bucket": None}, {"Key": 1}, {"Key": ""}])
def test_arguments_that_are_no_strings(arguments):
    assert cause(one("1"), spec(JSONL, **arguments)).endswith("of the ItemReader must be a string.")


# -- S3


def test_s3_is_asked_as_the_role_with_what_the_definition_says():
    store = one("1")
    values(store, spec(JSONL, VersionId="v", ExpectedBucketOwner="123456789012"))
    assert store.actors == {ACTOR}
    assert store.asked == [
        ("open", {"Bucket": "b", "Key": "k", "VersionId": "v", "ExpectedBucketOwner": "123456789012", "start": 0})
    ]


def test_what_s3_refuses():
    assert cause(MemoryObjects(), spec(JSONL)) == (
        "The specified key does not exist. (Service: Amazon S3; Status Code: 404; Error Code: NoSuchKey; "
        "Request ID: R; S3 Extended Request ID: null; Proxy: null)"
    )


def test_an_object_that_changes_is_not_read_on():
    store = one("1\n2\n", cut=sliced(2))
    read = items(store, spec(JSONL))
    store.add("k", "3\n4\n5\n")
    assert cause(store, spec(JSONL), read[0].position) == "S3://b/k changed while it was being read."


def test_other_resources_are_refused():
    assert cause(one("1"), spec(JSONL, "s3:putObject", Key="k")) == "An ItemReader cannot read with s3:putObject."


def test_zlib_streams_are_not_gzip():
    assert "not valid gzip" in cause(one(zlib.compress(b"1"), "x.gz"), spec(JSONL, Key="x.gz"))
