"""A cache returns what decoding would return, even if files change, writers are killed or others write at once."""

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
from unet_mtl.batches import case_loader
from unet_mtl.batches.cache import array_cache as caches
from unet_mtl.batches.cache.array_cache import Cache
from unet_mtl.batches.cache.array_files import SUFFIX, check_file, map_arrays, write_arrays
from unet_mtl.batches.cache.settings import Delivery
from unet_mtl.batches.case_loader import CaseLoader
from unet_mtl.data import file_hashes
from unet_mtl.data.description import make_description
from unet_mtl.data.file_hashes import FileHashes
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.files import user_cache_folder

SIZE = (12, 10)
ARRAYS = {"image": np.arange(60, dtype=np.uint8).reshape(5, 4, 3), "zone": np.ones((5, 4), np.uint8)}


def write_case(folder, case, shade, *, long_ago=True):
    """Writes an image and its mask; `long_ago` makes the time stamps old enough to be trusted."""
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
    """Makes fresh time stamps trusted, because a test cannot set ctime back."""
    monkeypatch.setattr(file_hashes, "_SETTLED_S", -60.0)


def open_cases(folder, *, size=SIZE, cache=None, classes=("background", "zone"), **mask):
    masks = {"zone": {"path": "masks/{case}.png", "classes": list(classes), **mask}}
    description = {"images": "images/{case}.png", "masks": masks}
    dataset = read_dataset(make_description(description, base=folder, where="here"))
    tasks = [Segmentation(name="zone").adapt(dataset)]
    return dataset, CaseLoader(dataset.description, tasks, Preprocess(size=size), cache)


def make_cache(where, tmp_path, **more):
    return Cache(Delivery(cache=where, cache_folder=tmp_path / "kept", **more))


@pytest.fixture
def reads(monkeypatch):
    """Counts how often files are decoded."""
    counted = []
    original = CaseLoader._decode
    monkeypatch.setattr(
        CaseLoader, "_decode", lambda self, record: counted.append(1) or original(self, record)
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
            image, masks = plain.load(record)
            found, found_masks = cached.load(record)
            assert found.dtype == image.dtype == np.uint8
            np.testing.assert_array_equal(found, image)
            np.testing.assert_array_equal(found_masks["zone"], masks["zone"])
    assert len(reads) == 3 * 4 + 4
    assert len(entries(tmp_path)) == (4 if where == "disk" else 0)


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_what_is_kept_cannot_be_changed(folder, tmp_path, where):
    dataset, cached = open_cases(folder, cache=make_cache(where, tmp_path))
    for _ in range(2):
        image, _ = cached.load(dataset.records[0])
    with pytest.raises(ValueError, match="read-only"):
        image[0] = 0


@pytest.mark.parametrize("where", ["memory", "disk"])
@pytest.mark.parametrize("part", ["images", "masks"])
def test_a_file_that_changed_is_read_anew(folder, tmp_path, where, part, trusting):
    """Even if the size is the same and mtime has been set back."""
    dataset, cached = open_cases(folder, cache=make_cache(where, tmp_path))
    record = dataset.records[0]
    before, masks_before = cached.load(record)
    path = folder / part / "c0.png"
    shutil.copy(folder / part / "c3.png", path)
    os.utime(path, (1e9, 1e9))
    image, masks = cached.load(record)
    assert (image == (13 if part == "images" else 10)).all()
    assert (masks["zone"] == (1 if part == "masks" else 0)).all()
    assert (before == 10).all()
    assert not masks_before["zone"].any()
    # in a new process too
    _, later = open_cases(folder, cache=make_cache(where, tmp_path))
    np.testing.assert_array_equal(later.load(record)[0], image)


def test_a_file_changed_within_the_clocks_tick_is_read_anew(folder, tmp_path, monkeypatch):
    """Only the bytes differ, because the time stamps of a fresh file are not trusted."""
    dataset, cached = open_cases(folder, cache=make_cache("memory", tmp_path))
    monkeypatch.setattr(file_hashes, "_stamp", lambda path: (1, time.time_ns(), 0, 0))
    assert (cached.load(dataset.records[0])[0] == 10).all()
    stamp = time.time_ns()
    monkeypatch.setattr(file_hashes, "_stamp", lambda path: (1, stamp, 0, 0))
    assert (cached.load(dataset.records[0])[0] == 10).all()
    shutil.copy(folder / "images" / "c3.png", folder / "images" / "c0.png")
    assert (cached.load(dataset.records[0])[0] == 13).all()


def test_a_file_that_changes_while_it_is_read_is_not_kept(folder, tmp_path, monkeypatch):
    cache = make_cache("disk", tmp_path)
    dataset, cached = open_cases(folder, cache=cache)
    original = Preprocess.read

    def read(self, *arguments):
        write_case(folder, "c0", 99)
        return original(self, *arguments)

    monkeypatch.setattr(Preprocess, "read", read)
    assert (cached.load(dataset.records[0])[0] == 99).all()
    assert entries(tmp_path) == []


def test_unchanged_files_are_not_hashed_again(folder, trusting, monkeypatch):
    known = FileHashes()
    path = folder / "images" / "c0.png"
    first = known.digest(path)
    monkeypatch.setattr(file_hashes, "hash_file", None)
    assert known.digest(path) == first


def test_other_steps_are_another_key(folder, tmp_path, reads):
    """Settings that differ, in size or mask values, share no entries; equal settings share all."""
    cache = make_cache("disk", tmp_path)
    for options in ({}, {"size": (6, 10)}, {"classes": ("background", "other")}, {"values": {0: 1, 1: 0}}):
        dataset, cached = open_cases(folder, cache=cache, **options)
        image, masks = cached.load(dataset.records[1])
        assert image.shape[:2] == masks["zone"].shape == options.get("size", SIZE)
        assert (masks["zone"] == ("values" not in options)).all()
    assert len(reads) == 4
    dataset, cached = open_cases(folder, cache=make_cache("disk", tmp_path))
    cached.load(dataset.records[1])
    assert len(reads) == 4


@pytest.mark.parametrize(
    ("attribute", "values"),
    [("ARRAYS_VERSION", [1, 2, 2]), ("version", [lambda name: "1", lambda name: "2", lambda name: "2"])],
)
def test_another_version_of_our_code_or_of_a_library_is_another_key(
    folder, tmp_path, reads, monkeypatch, attribute, values
):
    for value in values:
        case_loader._library_versions.cache_clear()
        monkeypatch.setattr(case_loader, attribute, value)
        dataset, cached = open_cases(folder, cache=make_cache("disk", tmp_path))
        cached.load(dataset.records[0])
    case_loader._library_versions.cache_clear()
    assert len(reads) == 2


def test_an_absent_file_has_the_readers_words(folder, tmp_path):
    dataset, cached = open_cases(folder, cache=make_cache("memory", tmp_path))
    (folder / "images" / "c0.png").unlink()
    with pytest.raises(DataError, match=r"c0\.png: no such file"):
        cached.load(dataset.records[0])


def write_file(tmp_path):
    path = tmp_path / "aa" / f"x{SUFFIX}"
    write_arrays(path, ARRAYS)
    return path


def read_file(path):
    layout = check_file(path)
    return None if layout is None else map_arrays(path, layout)


def assert_equal_arrays(found):
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array, strict=True)


@pytest.mark.parametrize(
    "damage", ["cut", "empty", "flipped", "checksum", "header", "magic", "longer", "foreign"]
)
def test_a_damaged_file_is_not_used(tmp_path, damage):
    path = write_file(tmp_path)
    whole = path.read_bytes()
    assert_equal_arrays(read_file(path))
    np.save(tmp_path / "foreign.npy", np.zeros(1, [("a", "u1"), ("b", "u1", 9)]))
    middle = len(whole) // 2
    path.write_bytes(
        {
            "cut": whole[:-70],
            "empty": b"",
            "flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "checksum": whole[:-1] + bytes([whole[-1] ^ 1]),
            "header": whole[:20] + b"}" + whole[21:],
            "magic": b"X" + whole[1:],
            "longer": whole.replace(b"(5, 4, 3)", b"(7, 4, 3)"),
            "foreign": (tmp_path / "foreign.npy").read_bytes(),
        }[damage]
    )
    assert read_file(path) is None
    assert not path.exists()


def test_no_flipped_bit_gives_other_arrays(tmp_path):
    """Not even in the header, such as in the name of a task."""
    path = write_file(tmp_path)
    whole = path.read_bytes()
    for index in range(len(whole)):
        for bit in (1, 32):
            path.write_bytes(whole[:index] + bytes([whole[index] ^ bit]) + whole[index + 1 :])
            found = read_file(path)
            if found is not None:  # some bits do not matter, such as < or = for the byte order
                assert_equal_arrays(found)


@pytest.mark.parametrize("content", [None, b"", b"short"])
def test_a_file_damaged_after_its_check_is_decoded_again(folder, tmp_path, reads, content):
    dataset, cached = open_cases(folder, cache=make_cache("disk", tmp_path))
    for _ in range(2):
        cached.load(dataset.records[0])
    (path,) = entries(tmp_path)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    for _ in range(2):
        assert (cached.load(dataset.records[0])[0] == 10).all()
    assert len(reads) == 2


def test_a_full_or_forbidden_disk_is_no_error(folder, tmp_path, reads, monkeypatch):
    def refuse(path, arrays):
        raise OSError(28, "No space left on device")

    dataset, cached = open_cases(folder, cache=make_cache("disk", tmp_path))
    monkeypatch.setattr(caches, "write_arrays", refuse)
    for _ in range(2):
        assert (cached.load(dataset.records[0])[0] == 10).all()
    assert len(reads) == 2
    monkeypatch.undo()
    monkeypatch.setattr(caches.shutil, "disk_usage", lambda path: SimpleNamespace(total=1e6, free=5e4))
    dataset, cached = open_cases(folder, cache=make_cache("disk", tmp_path))
    cached.load(dataset.records[0])
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
        assert [cached.load(record)[0][0, 0, 0] for record in dataset] == [10, 11, 12, 13]
    assert len(reads) == 4
    assert len(entries(tmp_path)) == 2


def test_memory_only_never_touches_the_disk(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    assert user_cache_folder() == tmp_path / "user" / "unet_mtl"
    cache = Cache(Delivery(cache="memory"))
    dataset, cached = open_cases(folder, cache=cache)
    cached.load(dataset.records[0])
    assert not (tmp_path / "user").exists()


def test_patients_images_are_the_owners_alone(folder, tmp_path):
    dataset, cached = open_cases(folder, cache=make_cache("disk", tmp_path))
    cached.load(dataset.records[0])
    (entry,) = entries(tmp_path)
    assert [path.stat().st_mode & 0o077 for path in (entry, entry.parent, tmp_path / "kept")] == [0, 0, 0]


def test_what_nobody_used_for_long_is_removed(folder, tmp_path):
    dataset, cached = open_cases(folder, cache=make_cache("disk", tmp_path))
    for record in dataset:
        cached.load(record)
    for path in entries(tmp_path):
        os.utime(path, (1e9, 1e9))
    cached = open_cases(folder, cache=make_cache("disk", tmp_path))[1]
    assert entries(tmp_path) == []


def test_use_is_noted(folder, tmp_path):
    dataset, cached = open_cases(folder, cache=make_cache("disk", tmp_path))
    cached.load(dataset.records[0])
    second = make_cache("disk", tmp_path)
    (entry,) = entries(tmp_path)
    os.utime(entry, (1e9, 1e9))
    open_cases(folder, cache=second)[1].load(dataset.records[0])
    assert entry.stat().st_mtime > 1.5e9


WRITER = """
    import sys, numpy as np
    from pathlib import Path
    from unet_mtl.batches.cache import array_files
    def slow(stream, value):
        stream.write(value.tobytes()[:1000])
        stream.flush()
        sys.stdout.write("half\\n"); sys.stdout.flush()
        sys.stdin.read()
    array_files.np.save = slow
    arrays = {"image": np.zeros((300, 300, 3), np.uint8), "zone": np.ones((300, 300), np.uint8)}
    array_files.write_arrays(Path(sys.argv[1]), arrays)
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
        make_cache("disk", tmp_path)
        assert part.exists(), "its writer lives"
        writer.send_signal(signal.SIGKILL)
    assert part.stat().st_size == 1000
    assert cache.get(b"\xaa\xbb") is None
    os.utime(part, (time.time() - 2 * 3600,) * 2)
    cache = make_cache("disk", tmp_path)
    assert not part.exists()
    cache.put(b"\xaa\xcc", ARRAYS)
    assert_equal_arrays(cache.get(b"\xaa\xcc"))


SHARER = """
    import sys, json, hashlib
    from pathlib import Path
    from unet_mtl import Preprocess, Segmentation, read_dataset
    from unet_mtl.data.description import make_description
    from unet_mtl.batches.cache.array_cache import Cache
    from unet_mtl.batches.cache.settings import Delivery
    from unet_mtl.batches.case_loader import CaseLoader
    folder, kept = map(Path, sys.argv[1:])
    masks = {"zone": {"path": "masks/{case}.png", "classes": ["background", "zone"]}}
    dataset = read_dataset(make_description({"images": "images/{case}.png", "masks": masks}, base=folder, where="x"))
    tasks = [Segmentation(name="zone").adapt(dataset)]
    cases = CaseLoader(
        dataset.description, tasks, Preprocess(size=(12, 10)), Cache(Delivery(cache="disk", cache_folder=kept))
    )
    sys.stdout.write("ready\\n"); sys.stdout.flush()
    sys.stdin.readline()
    digest = hashlib.sha256()
    for _ in range(20):
        for record in dataset:
            image, found = cases.load(record)
            digest.update(image.tobytes() + found["zone"].tobytes())
    print(digest.hexdigest())
"""


def test_two_processes_at_once(folder, tmp_path):
    """Both start with an empty folder at the same moment, and read the same as a single process."""
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
            image, masks = plain.load(record)
            expected.update(image.tobytes() + masks["zone"].tobytes())
    assert found == [expected.hexdigest()] * 2
    assert len(entries(tmp_path)) == 4
    assert not list((tmp_path / "kept").rglob("*.part"))


def test_the_word_off_survives_yaml(tmp_path):
    assert Delivery.model_validate({"cache": False}).cache == "off"
    assert json.loads(Delivery(cache_folder=tmp_path).model_dump_json())["cache_folder"] == str(tmp_path)
    assert Delivery.model_validate(Delivery(cache_folder=tmp_path).to_config()).cache_folder == tmp_path
