"""Objects of S3: ranges, pages and parts, as requests and answers."""

import asyncio
from datetime import UTC, datetime

import pytest

from integrations.memory_objects import ACTOR
from newel.integrations.aws.objects import S3Objects
from newel.ports.aws import AwsAnswer, AwsError

TARGET = {"Bucket": "b", "Key": "k"}


class FakeS3:
    """Answers by operation; notes what it is asked."""

    def __init__(self, body=b"", **answers):
        self.body = body
        self.etag = '"1"'
        self.answers = answers
        self.asked = []

    async def call(self, service, operation, parameters, *, account, region, role_arn=None):
        assert (service, account, region, role_arn) == ("s3", ACTOR.account, ACTOR.region, ACTOR.role_arn)
        await asyncio.sleep(0)
        self.asked.append((operation, dict(parameters)))
        answer = self.answers.get(operation)
        if operation == "GetObject" and answer is None:
            return self._got(parameters)
        if operation == "HeadObject":
            return ok({"ContentLength": len(self.body), "ETag": self.etag})
        return ok(answer.pop(0) if isinstance(answer, list) else answer or {})

    def _got(self, parameters):
        if parameters.get("IfMatch", self.etag) != self.etag:
            raise AwsError("PreconditionFailed", "no", status=412)
        first, last = map(int, parameters["Range"].removeprefix("bytes=").split("-"))
        if first >= len(self.body):
            raise AwsError("InvalidRange", "no", status=416)
        part = self.body[first : last + 1]
        shown = f"bytes {first}-{first + len(part) - 1}/{len(self.body)}"
        return ok({"Body": part, "ETag": self.etag, "ContentRange": shown}, 206)


def ok(result, status=200):
    return AwsAnswer(result=result, status=status, headers={}, request_id="R")


async def opened(s3, start=0, etag=None, **sizes):
    objects = S3Objects(s3, range_bytes=10, piece_bytes=4)
    found = await objects.open(TARGET, ACTOR, start=start, etag=etag)
    return [piece async for piece in found.pieces]


@pytest.mark.parametrize("start", [0, 3, 24, 25])
def test_an_object_is_read_in_ranges_and_given_in_pieces(start):
    s3 = FakeS3(bytes(range(25)))
    pieces = asyncio.run(opened(s3, start))
    assert b"".join(pieces) == s3.body[start:]
    assert all(len(piece) <= 4 for piece in pieces)
    ranges = [given["Range"] for operation, given in s3.asked if operation == "GetObject"]
    assert ranges == [f"bytes={at}-{at + 9}" for at in range(start, max(25, start + 1), 10)]
    assert all(given.get("IfMatch") == '"1"' for _, given in s3.asked[1:] if "Range" in given)


def test_an_empty_object():
    assert asyncio.run(opened(FakeS3(b""))) == []


def test_a_place_beyond_the_end():
    with pytest.raises(AwsError) as refused:
        asyncio.run(opened(FakeS3(b"abc"), 4))
    assert refused.value.code == "InvalidRange"


def test_another_object_is_not_read_on():
    async def read():
        s3 = FakeS3(bytes(30))
        found = await S3Objects(s3, range_bytes=10, piece_bytes=10).open(TARGET, ACTOR)
        await anext(found.pieces)
        s3.etag = '"2"'
        return [piece async for piece in found.pieces]

    with pytest.raises(AwsError) as refused:
        asyncio.run(read())
    assert refused.value.code == "PreconditionFailed"
    with pytest.raises(AwsError):
        asyncio.run(opened(FakeS3(b"abc"), etag='"other"'))


def test_the_next_range_is_asked_for_ahead_and_no_more():
    async def read():
        s3 = FakeS3(bytes(50))
        found = await S3Objects(s3, range_bytes=10, piece_bytes=5).open(TARGET, ACTOR)
        await anext(found.pieces)
        await asyncio.sleep(0.01)
        asked = len(s3.asked)
        await found.pieces.aclose()
        await asyncio.sleep(0.01)
        return asked, len(s3.asked)

    assert asyncio.run(read()) == (2, 2)


def test_a_server_without_ranges():
    class Plain(FakeS3):
        def _got(self, parameters):
            return ok({"Body": self.body, "ETag": self.etag}, 200)

    assert b"".join(asyncio.run(opened(Plain(b"abcdef"), 2))) == b"cdef"


def test_read():
    s3 = FakeS3(bytes(range(25)))
    found = asyncio.run(S3Objects(s3, range_bytes=10).read(TARGET, ACTOR, 2, 100))
    assert (found.body, found.size) == (s3.body[2:], 25)


def test_pages_of_a_listing():
    entry = {"Key": "a", "ETag": '"e"', "LastModified": datetime(2025, 1, 1, tzinfo=UTC), "Size": 3}
    pages = [
        {"Contents": [entry], "IsTruncated": True, "NextContinuationToken": "t"},
        {"Contents": [{**entry, "Key": "b", "StorageClass": "GLACIER"}], "IsTruncated": False},
    ]
    s3 = FakeS3(ListObjectsV2=pages)

    async def read():
        target = {"Bucket": "b", "Prefix": "p"}
        return [entry async for page in S3Objects(s3).list(target, ACTOR, after="0") for entry in page]

    listed = asyncio.run(read())
    assert [(entry.key, entry.modified_s, entry.storage_class) for entry in listed] == [
        ("a", 1735689600, "STANDARD"),
        ("b", 1735689600, "GLACIER"),
    ]
    assert s3.asked == [
        ("ListObjectsV2", {"Bucket": "b", "Prefix": "p", "StartAfter": "0"}),
        ("ListObjectsV2", {"Bucket": "b", "Prefix": "p", "ContinuationToken": "t"}),
    ]


def test_writing():
    s3 = FakeS3(CreateMultipartUpload={"UploadId": "u"}, UploadPart=[{"ETag": "1"}, {"ETag": "2"}])

    async def write():
        objects = S3Objects(s3)
        await objects.put(TARGET, ACTOR, b"x", "text/plain")
        upload = await objects.begin(TARGET, ACTOR, "text/plain")
        etags = [await objects.put_part(TARGET, ACTOR, upload, number, b"y") for number in (1, 2)]
        await objects.complete(TARGET, ACTOR, upload, etags)
        await objects.abort(TARGET, ACTOR, upload)

    asyncio.run(write())
    part = {**TARGET, "UploadId": "u", "Body": b"y"}
    assert s3.asked == [
        ("PutObject", {**TARGET, "Body": b"x", "ContentType": "text/plain"}),
        ("CreateMultipartUpload", {**TARGET, "ContentType": "text/plain"}),
        ("UploadPart", {**part, "PartNumber": 1}),
        ("UploadPart", {**part, "PartNumber": 2}),
        (
            "CompleteMultipartUpload",
            {
                **TARGET,
                "UploadId": "u",
                "MultipartUpload": {"Parts": [{"ETag": "1", "PartNumber": 1}, {"ETag": "2", "PartNumber": 2}]},
            },
        ),
        ("AbortMultipartUpload", {**TARGET, "UploadId": "u"}),
    ]
