"""Functions on disk: what is saved is read back, what is half done is gone."""

import msgspec
import pytest

from newel.errors import ServiceError
from newel.functions.catalog import Catalog, write_durably
from newel.functions.model import Alias, Configuration, Function
from newel.functions.names import LATEST, FunctionName

from .harness import package

NAME = FunctionName("1" * 12, "us-east-1", "f")


def configuration(code, version=LATEST):
    return Configuration(
        version=version, code=code, runtime="python3.12", handler="a.b", role="r", last_modified="t", revision_id="1"
    )


def filled(root):
    catalog = Catalog(root)
    catalog.load()
    code = catalog.add_code(NAME, package({"a.py": "1"}))
    function = Function(
        account=NAME.account,
        region=NAME.region,
        name="f",
        latest=configuration(code),
        versions={"1": configuration(code, "1")},
        next_version=2,
        aliases={"live": Alias(name="live", version="1", revision_id="1")},
        tags={"a": "b"},
    )
    catalog.write(function)
    catalog.remember(function)
    return catalog, function


def again(root):
    catalog = Catalog(root)
    catalog.load()
    return catalog


def test_everything_survives_a_restart(tmp_path):
    catalog, function = filled(tmp_path)
    reread = again(tmp_path)
    assert reread.get(NAME) == function
    folder = reread.code_folder(function, function.latest.code)
    assert (folder / "a.py").read_text() == "1"
    assert reread.package(function, function.latest.code).read_bytes() == package({"a.py": "1"})
    assert folder == catalog.code_folder(function, function.latest.code)


def test_qualifiers(tmp_path):
    catalog, function = filled(tmp_path)
    assert catalog.configuration(NAME).version == LATEST
    assert catalog.configuration(NAME.at(LATEST)).version == LATEST
    assert catalog.configuration(NAME.at("1")).version == "1"
    assert catalog.configuration(NAME.at("live")).version == "1"
    for qualifier in ("2", "nobody"):
        with pytest.raises(ServiceError) as caught:
            catalog.configuration(NAME.at(qualifier))
        assert caught.value.message == f"Function not found: {function.arn}:{qualifier}"


def test_what_a_crash_left_half_done_is_removed(tmp_path):
    catalog, function = filled(tmp_path)
    folder = catalog.folder(function)
    (folder.parent / ".deleted-x").mkdir()
    (folder.parent / "unsaved" / "code").mkdir(parents=True)
    (folder / "code" / ".half").mkdir()
    (folder / "code" / "00ff").mkdir()
    reread = again(tmp_path)
    assert [item.name for item in reread.everything()] == ["f"]
    assert sorted(path.name for path in folder.parent.iterdir()) == ["f"]
    assert len(list((folder / "code").iterdir())) == 2  # the code and its package


def test_a_function_that_cannot_be_read_is_left_alone(tmp_path, caplog):
    catalog, function = filled(tmp_path)
    file = catalog.folder(function) / "function.json"
    file.write_text("{")
    assert again(tmp_path).find(NAME) is None
    assert "cannot be read" in caplog.text
    assert file.exists()


def test_code_in_use_is_kept_and_other_code_goes(tmp_path):
    catalog, function = filled(tmp_path)
    new = catalog.add_code(NAME, package({"a.py": "2"}))
    old = function.latest.code
    changed = msgspec.structs.replace(function, latest=configuration(new), versions={})
    catalog.write(changed)
    catalog.collect_code(changed, frozenset({old.sha256}))
    assert catalog.code_folder(changed, old).exists()
    catalog.collect_code(changed)
    assert not catalog.code_folder(changed, old).exists()
    assert catalog.code_folder(changed, new).exists()


def test_a_refused_package_leaves_nothing(tmp_path):
    catalog = again(tmp_path)
    with pytest.raises(ServiceError):
        catalog.add_code(NAME, b"junk")
    assert not list(tmp_path.glob("*/*/*"))


def test_the_same_package_is_stored_once(tmp_path):
    catalog, function = filled(tmp_path)
    assert catalog.add_code(NAME, package({"a.py": "1"})) == function.latest.code


def test_removal(tmp_path):
    catalog, function = filled(tmp_path)
    catalog.erase(function)
    catalog.forget(function)
    assert catalog.find(NAME) is None
    assert not catalog.folder(function).exists()
    assert list(again(tmp_path).everything()) == []


def test_a_write_that_fails_leaves_the_old_content(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_durably(path, b"old")

    def broken(_descriptor):
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", broken)
    with pytest.raises(OSError, match="disk full"):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["file"]
