"""What a cache hands out is what reading would give now: files change, writers die, others write at once."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from unet_mtl import Preprocess, Segmentation, read_dataset
from unet_mtl.batches.cache import array_cache as caches
from unet_mtl.batches.cache.array_cache import Cache, default_folder
from unet_mtl.batches.cache.array_files import SUFFIX, read_entry, remove_parts, write_entry
from unet_mtl.batches.cache.settings import Delivery
from unet_mtl.batches.case_loader import FittedCases
from unet_mtl.data import file_hashes
from unet_mtl.data.description import make_description
from unet_mtl.data.file_hashes import FileHashes
from unet_mtl.errors import ConfigError, DataError

SIZE = (12, 10)
ARRAYS = {"image": np.arange(60, dtype=np.uint8).reshape(5, 4, 3), "zone": np.ones((5, 4), np.uint8)}


def write_case(folder, case, shade, *, long_ago=True):
    """An image and its mask; `long_ago` makes the time stamps old enough to be trusted."""
    for part, array in (
        ("images", np.full((20, 18, 3), shade, np.uint8)),
        ("masks", np.full((20, 18), shade % 2, np.uint8)),
    ):
        (folder / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(folder / part / f"{case}.png")
        if long_ago:
            os.utime(folder / part / f"{case}.png", (1e9, 1e9))


@pytest.fixture
def folder(tmp_path):
    for i in range(4):
        write_case(tmp_path / "data", f"c{i}", 10 + i)
    return tmp_path / "data"


@pytest.fixture
def trusting(monkeypatch):
    """Time stamps are believed at once: ctime cannot be set back."""
    monkeypatch.setattr(file_hashes, "_SETTLED_S", -60.0)


def open_cases(folder, *, size=SIZE, cache=None, classes=("background", "zone"), **mask):
    masks = {"zone": {"path": "masks/{case}.png", "classes": list(classes), **mask}}
    description = {"images": "images/{case}.png", "masks": masks}
    dataset = read_dataset(make_description(description, base=folder, where="here"))
    tasks = [Segmentation(name="zone").adapt(dataset)]
    return dataset, FittedCases(dataset.description, tasks, Preprocess(size=size), cache)


def make_cache(where, tmp_path, **more):
    return Cache(Delivery(cache=where, cache_folder=tmp_path / "kept", **more))


@pytest.fixture
def reads(monkeypatch):
    """Counts how often files are decoded."""
    counted = []
    original = FittedCases._make
    monkeypatch.setattr(
        FittedCases, "_make", lambda self, record: counted.append(1) or original(self, record)
    )
    return counted


def entries(tmp_path):
    return sorted((tmp_path / "kept").rglob(f"*{SUFFIX}"))


@pytest.mark.parametrize("where", ["memory", "disk", "auto"])
def test_a_case_is_decoded_once_and_the_same(folder, tmp_path, reads, where):
    dataset, plain = open_cases(folder)
    _, cached = open_cases(folder, cache=make_cache(where, tmp_path))
    for _ in range(3):
        for record in dataset:
            image, masks = plain.read(record)
            found, found_masks = cached.read(record)
            assert found.dtype == image.dtype == np.uint8
            np.testing.assert_array_equal(found, image)
            np.testing.assert_array_equal(found_masks["zone"], masks["zone"])
    assert len(reads) == 3 * 4 + 4
    assert len(entries(tmp_path)) == (4 if where == "disk" else 0)


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_what_is_kept_cannot_be_changed(folder, tmp_path, where):
    dataset, cached = open_cases(folder, cache=make_cache(where, tmp_path))
    for _ in range(2):
        image, _ = cached.read(dataset.records[0])
    with pytest.raises(ValueError, match="read-only"):
        image[0] = 0


@pytest.mark.parametrize("where", ["memory", "disk"])
@pytest.mark.parametrize("part", ["images", "masks"])
def test_a_file_that_changed_is_read_anew(folder, tmp_path, where, part, trusting):
    """Even to the same size, with its time of change set back."""
    dataset, cached = open_cases(folder, cache=make_cache(where, tmp_path))
    record = dataset.records[0]
    before, masks_before = cached.read(record)
    path = folder / part / "c0.png"
    shutil.copy(folder / part / "c3.png", path)
    os.utime(path, (1e9, 1e9))
    image, masks = cached.read(record)
    assert (image == (13 if part == "images" else 10)).all()
    assert (masks["zone"] == (1 if part == "masks" else 0)).all()
    assert (before == 10).all()
    assert not masks_before["zone"].any()
    # in a new process too
    _, later = open_cases(folder, cache=make_cache(where, tmp_path))
    np.testing.assert_array_equal(later.read(record)[0], image)


def test_a_file_changed_within_the_clocks_tick_is_read_anew(folder, tmp_path, monkeypatch):
    """Nothing but its bytes tells that it changed: a fresh file's time stamps are not believed."""
    dataset, cached = open_cases(folder, cache=make_cache("memory", tmp_path))
    monkeypatch.setattr(file_hashes, "_stamp", lambda path: (1, time.time_ns(), 0, 0))
    assert (cached.read(dataset.records[0])[0] == 10).all()
    stamp = time.time_ns()
    monkeypatch.setattr(file_hashes, "_stamp", lambda path: (1, stamp, 0, 0))
    assert (cached.read(dataset.records[0])[0] == 10).all()
    shutil.copy(folder / "images" / "c3.png", folder / "images" / "c0.png")
    assert (cached.read(dataset.records[0])[0] == 13).all()


def test_a_file_that_changes_while_it_is_read_is_not_kept(folder, tmp_path, monkeypatch):
    cache = make_cache("disk", tmp_path)
    dataset, cached = open_cases(folder, cache=cache)
    original = Preprocess.read

    def read(self, path, frame=None):
        write_case(folder, "c0", 99)
        return original(self, path, frame)

    monkeypatch.setattr(Preprocess, "read", read)
    assert (cached.read(dataset.records[0])[0] == 99).all()
    assert entries(tmp_path) == []


def test_unchanged_files_are_not_hashed_again(folder, trusting, monkeypatch):
    known = FileHashes()
    path = folder / "images" / "c0.png"
    first = known.digest(path)
    monkeypatch.setattr(file_hashes.hashlib, "file_digest", None)
    assert known.digest(path) == first


def test_other_steps_are_another_key(folder, tmp_path, reads):
    """Another size, other meaning of the numbers: two that differ share nothing, two that agree share all."""
    cache = make_cache("disk", tmp_path)
    for options in ({}, {"size": (6, 10)}, {"classes": ("background", "other")}, {"values": {0: 1, 1: 0}}):
        dataset, cached = open_cases(folder, cache=cache, **options)
        image, masks = cached.read(dataset.records[1])
        assert image.shape[:2] == masks["zone"].shape == options.get("size", SIZE)
        assert (masks["zone"] == ("values" not in options)).all()
    assert len(reads) == 4
    dataset, cached = open_cases(folder, cache=make_cache("disk", tmp_path))
    cached.read(dataset.records[1])
    assert len(reads) == 4


def test_other_code_or_libraries_are_another_key(folder, tmp_path, reads, monkeypatch):
    for code in ("1", "2", "2"):
        monkeypatch.setattr("unet_mtl.batches.case_loader._code", lambda code=code: code)
        dataset, cached = open_cases(folder, cache=make_cache("disk", tmp_path))
        cached.read(dataset.records[0])
    assert len(reads) == 2


def test_an_absent_file_has_the_readers_words(folder, tmp_path):
    dataset, cached = open_cases(folder, cache=make_cache("memory", tmp_path))
    (folder / "images" / "c0.png").unlink()
    with pytest.raises(DataError, match=r"c0\.png: no such file"):
        cached.read(dataset.records[0])


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "header", "magic"])
def test_a_damaged_entry_is_not_used(tmp_path, damage):
    path = tmp_path / "aa" / f"x{SUFFIX}"
    write_entry(path, ARRAYS)
    whole = path.read_bytes()
    found = read_entry(path, checked=False)
    assert {name: array.tolist() for name, array in found.items()} == {
        name: array.tolist() for name, array in ARRAYS.items()
    }
    middle = len(whole) // 2
    path.write_bytes(
        {
            "cut": whole[:-70],
            "empty": b"",
            "flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "header": whole[:20] + b"}" + whole[21:],
            "magic": b"X" + whole[1:],
        }[damage]
    )
    assert read_entry(path, checked=False) is None
    assert not path.exists()


def test_a_full_or_forbidden_disk_is_no_error(folder, tmp_path, reads, monkeypatch):
    def refuse(path, arrays):
        raise OSError(28, "No space left on device")

    dataset, cached = open_cases(folder, cache=make_cache("disk", tmp_path))
    monkeypatch.setattr(caches, "write_entry", refuse)
    for _ in range(2):
        assert (cached.read(dataset.records[0])[0] == 10).all()
    assert len(reads) == 2
    monkeypatch.undo()
    monkeypatch.setattr(caches.shutil, "disk_usage", lambda path: SimpleNamespace(total=1e6, free=5e4))
    dataset, cached = open_cases(folder, cache=make_cache("disk", tmp_path))
    cached.read(dataset.records[0])
    assert entries(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_said_at_once(tmp_path):
    (tmp_path / "kept").write_text("a file")
    with pytest.raises(ConfigError, match=r"delivery\.cache_folder: cannot write"):
        make_cache("disk", tmp_path)
    make_cache("auto", tmp_path).put(b"k", ARRAYS)


def test_auto_spills_to_the_disk(folder, tmp_path, reads, monkeypatch):
    room = 2.5 * (SIZE[0] * SIZE[1] * 4)
    monkeypatch.setattr(caches, "free_memory", lambda: room / 0.25)
    dataset, cached = open_cases(folder, cache=make_cache("auto", tmp_path))
    for _ in range(2):
        assert [cached.read(record)[0][0, 0, 0] for record in dataset] == [10, 11, 12, 13]
    assert len(reads) == 4
    assert len(entries(tmp_path)) == 2


def test_memory_only_never_touches_the_disk(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    assert default_folder() == tmp_path / "user" / "unet_mtl"
    cache = Cache(Delivery(cache="memory"))
    dataset, cached = open_cases(folder, cache=cache)
    cached.read(dataset.records[0])
    assert not (tmp_path / "user").exists()


def test_patients_images_are_the_owners_alone(folder, tmp_path):
    dataset, cached = open_cases(folder, cache=make_cache("disk", tmp_path))
    cached.read(dataset.records[0])
    (entry,) = entries(tmp_path)
    assert [path.stat().st_mode & 0o077 for path in (entry, entry.parent, tmp_path / "kept")] == [0, 0, 0]


def test_what_nobody_used_for_long_is_removed(folder, tmp_path):
    dataset, cached = open_cases(folder, cache=make_cache("disk", tmp_path))
    for record in dataset:
        cached.read(record)
    for path in entries(tmp_path):
        os.utime(path, (1e9, 1e9))
    cached = open_cases(folder, cache=make_cache("disk", tmp_path))[1]
    assert entries(tmp_path) == []


def test_use_is_noted(folder, tmp_path):
    dataset, cached = open_cases(folder, cache=make_cache("disk", tmp_path))
    cached.read(dataset.records[0])
    second = make_cache("disk", tmp_path)
    (entry,) = entries(tmp_path)
    os.utime(entry, (1e9, 1e9))
    open_cases(folder, cache=second)[1].read(dataset.records[0])
    assert entry.stat().st_mtime > 1.5e9


WRITER = """
    import sys, numpy as np
    from pathlib import Path
    from unet_mtl.batches.cache import array_files
    original = array_files._encode
    def slow(arrays):
        for i, part in enumerate(original(arrays)):
            yield part
            if i == 2:
                sys.stdout.write("half\\n"); sys.stdout.flush()
                sys.stdin.read()
    array_files._encode = slow
    arrays = {"image": np.zeros((300, 300, 3), np.uint8), "zone": np.ones((300, 300), np.uint8)}
    array_files.write_entry(Path(sys.argv[1]), arrays)
"""


def start(code, *arguments):
    environment = os.environ | {"PYTHONPATH": str(Path(caches.__file__).parents[3])}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def test_a_killed_writer_leaves_nothing_that_is_used(tmp_path):
    cache = make_cache("disk", tmp_path)
    path = cache._disk._path(b"\xaa\xbb")
    with start(WRITER, path) as writer:
        assert writer.stdout.readline() == "half\n"
        (part,) = path.parent.iterdir()
        assert cache.get(b"\xaa\xbb") is None
        remove_parts(tmp_path / "kept")
        assert part.exists(), "its writer lives"
        writer.send_signal(signal.SIGKILL)
    assert part.exists()
    assert cache.get(b"\xaa\xbb") is None
    other_machine = part.with_name(".elsewhere.1.abcdefgh.part")
    other_machine.write_bytes(b"half")
    make_cache("disk", tmp_path).put(b"\xaa\xcc", ARRAYS)
    assert not part.exists()
    assert other_machine.exists()
    os.utime(other_machine, (1e9, 1e9))
    remove_parts(tmp_path / "kept")
    assert not other_machine.exists()
    assert cache.get(b"\xaa\xcc") is not None


SHARER = """
    import sys, json, hashlib
    from pathlib import Path
    from unet_mtl import Preprocess, Segmentation, read_dataset
    from unet_mtl.data.description import make_description
    from unet_mtl.batches.cache.array_cache import Cache
    from unet_mtl.batches.cache.settings import Delivery
    from unet_mtl.batches.case_loader import FittedCases
    folder, kept = map(Path, sys.argv[1:])
    masks = {"zone": {"path": "masks/{case}.png", "classes": ["background", "zone"]}}
    dataset = read_dataset(make_description({"images": "images/{case}.png", "masks": masks}, base=folder, where="x"))
    tasks = [Segmentation(name="zone").adapt(dataset)]
    cases = FittedCases(
        dataset.description, tasks, Preprocess(size=(12, 10)), Cache(Delivery(cache="disk", cache_folder=kept))
    )
    sys.stdout.write("ready\\n"); sys.stdout.flush()
    sys.stdin.readline()
    digest = hashlib.sha256()
    for _ in range(20):
        for record in dataset:
            image, found = cases.read(record)
            digest.update(image.tobytes() + found["zone"].tobytes())
    print(digest.hexdigest())
"""


def test_two_processes_at_once(folder, tmp_path):
    """Both start with an empty folder at the same moment, and find what one alone reads."""
    import hashlib

    with start(SHARER, folder, tmp_path / "kept") as one, start(SHARER, folder, tmp_path / "kept") as two:
        for process in (one, two):
            assert process.stdout.readline() == "ready\n"
        for process in (one, two):
            process.stdin.write("go\n")
            process.stdin.flush()
        found = [process.stdout.readline().strip() for process in (one, two)]
    dataset, plain = open_cases(folder)
    expected = hashlib.sha256()
    for _ in range(20):
        for record in dataset:
            image, masks = plain.read(record)
            expected.update(image.tobytes() + masks["zone"].tobytes())
    assert found == [expected.hexdigest()] * 2
    assert len(entries(tmp_path)) == 4
    assert not list((tmp_path / "kept").rglob("*.part"))


def test_the_word_off_survives_yaml(tmp_path):
    assert Delivery.model_validate({"cache": False}).cache == "off"
    assert json.loads(Delivery(cache_folder=tmp_path).model_dump_json())["cache_folder"] == str(tmp_path)
    assert Delivery.model_validate(Delivery(cache_folder=tmp_path).to_config()).cache_folder == tmp_path
