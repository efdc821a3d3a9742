"""Packages that try to leave their folder, lie about their size, or are no packages."""

import io
import stat
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.errors import ServiceError
from newel.functions import archive

from .harness import package


def refused(data, folder):
    with pytest.raises(ServiceError) as caught:
        archive.extract(data, folder / "code")
    return caught.value


def with_link(target, name="link"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("file.txt", "x")
        entry = zipfile.ZipInfo(name)
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(entry, target)
    return buffer.getvalue()


def test_files_keep_their_content_and_mode(tmp_path):
    archive.extract(package({"a/b.py": "x = 1\n", "bootstrap": "#!/bin/sh\n"}), tmp_path / "code")
    assert (tmp_path / "code/a/b.py").read_text() == "x = 1\n"
    assert (tmp_path / "code/bootstrap").stat().st_mode & 0o111


def test_a_file_stays_readable_for_its_owner(tmp_path):
    archive.extract(package({"a.py": ""}, mode=0o044), tmp_path / "code")
    assert (tmp_path / "code/a.py").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/evil", "..\\evil", "c:\\evil", "a/.."])
def test_names_that_leave_the_folder_are_refused(tmp_path, name):
    error = refused(package({"ok.py": "", name: "x"}), tmp_path)
    assert error.code == "InvalidParameterValueException"
    assert "leaves the function's folder" in error.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "a/../../outside"])
def test_links_that_leave_the_folder_are_refused(tmp_path, target):
    assert "link that leaves the function's folder" in refused(with_link(target), tmp_path).message


def test_a_link_inside_the_folder_works(tmp_path):
    archive.extract(with_link("file.txt"), tmp_path / "code")
    assert (tmp_path / "code/link").read_text() == "x"


def test_no_file_is_written_through_a_link(tmp_path):
    buffer = io.BytesIO()
    outside = tmp_path / "outside"
    outside.mkdir()
    with zipfile.ZipFile(buffer, "w") as made:
        entry = zipfile.ZipInfo("d")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(entry, str(outside))
        made.writestr("d/evil", "x")
    with pytest.raises((ServiceError, OSError)):
        archive.extract(buffer.getvalue(), tmp_path / "code")
    assert list(outside.iterdir()) == []


def test_a_chain_of_links_is_refused(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, target in (("a", "."), ("b", "a/../..")):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            made.writestr(entry, target)
    assert refused(buffer.getvalue(), tmp_path).code == "InvalidParameterValueException"


def test_what_is_no_zip_is_refused(tmp_path):
    assert refused(b"not a zip", tmp_path).message == (
        "Could not unzip uploaded file. Please check your file, then try to upload again."
    )


def test_an_empty_zip_is_refused(tmp_path):
    assert refused(package({}), tmp_path).message == "Uploaded file must be a non-empty zip"


def test_the_unzipped_size_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "CODE_UNZIPPED_BYTES_MAX", 1000)
    assert refused(package({"a": "x" * 1001}), tmp_path).message == "Unzipped size must be smaller than 1000 bytes"


def test_a_header_that_understates_the_size_does_not_help(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "CODE_UNZIPPED_BYTES_MAX", 1000)
    data = package({"a": "x" * 5000})
    forged = data.replace((5000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert forged != data
    assert refused(forged, tmp_path).code == "InvalidParameterValueException"


def test_the_zipped_size_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "CODE_ZIPPED_BYTES_MAX", 10)
    assert refused(package({"a": ""}), tmp_path).code == "RequestEntityTooLargeException"


@given(st.binary(max_size=200), st.integers(0, 150), st.binary(max_size=20))
def test_any_bytes_are_unpacked_or_refused_with_one_kind_of_error(tmp_path_factory, junk, cut, patch):
    whole = package({"a.py": "x = 1\n"})
    folder = tmp_path_factory.mktemp("any")
    for number, data in enumerate((junk, whole[:cut] + patch + whole[cut + len(patch) :])):
        codes = []
        try:
            archive.extract(data, folder / str(number))
        except ServiceError as error:
            codes.append(error.code)
        assert codes in ([], ["InvalidParameterValueException"])
