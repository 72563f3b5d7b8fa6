"""What a scheduler sends ends a command as Ctrl-C does."""

import os
import signal
import subprocess
import sys
import time

import pytest
import yaml

from unet_mtl import api
from unet_mtl.cli.signals import SIGNALS, interrupted_by_signals

CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}


@pytest.fixture
def config(data_folder, tmp_path):
    path = tmp_path / "config.yaml"
    content = {"data": str(data_folder), "tasks": [{"kind": "classification", "name": "diagnosis"}]}
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(params=CODES)
def name(request):
    return request.param


def send(name):
    os.kill(os.getpid(), getattr(signal, name))
    time.sleep(5)  # it is interrupted at once


def test_an_interrupted_training_can_be_resumed(command, config, tmp_path, monkeypatch, name):
    def train(dataset, tasks, run, **settings):
        (run / "tensorboard").mkdir(parents=True)
        send(name)

    monkeypatch.setattr(api, "train", train)
    before = [signal.getsignal(getattr(signal, one)) for one in CODES]
    code, _, lines = command("train", config, "--run", tmp_path / "run")
    assert (code, len(lines)) == (CODES[name], 1)
    assert lines[0].startswith("interrupted; continue from the last finished epoch")
    assert lines[0].endswith(f"--resume ({tmp_path / 'run'})")
    assert before == [signal.getsignal(getattr(signal, one)) for one in CODES]


def test_an_interruption_before_anything_was_written(command, config, tmp_path, monkeypatch, name):
    monkeypatch.setattr(api, "train", lambda *arguments, **settings: send(name))
    code, _, lines = command("train", config, "--run", tmp_path / "run")
    assert code == CODES[name]
    assert lines == ["interrupted; nothing was written; start again with the same command"]


def test_an_interrupted_ablation_can_be_resumed(command, config, tmp_path, monkeypatch, name):
    monkeypatch.setattr(api, "ablate", lambda *arguments, **settings: send(name))
    code, _, (line,) = command("ablate", config, "--run", tmp_path / "run")
    assert code == CODES[name]
    assert "--resume" in line


def test_other_commands_end_with_one_word(command, tmp_path, monkeypatch, name):
    monkeypatch.setattr(api, "predict", lambda *arguments, **settings: send(name))
    code, _, lines = command("predict", tmp_path, tmp_path, "--out", tmp_path)
    assert (code, lines) == (CODES[name], ["interrupted"])


@pytest.mark.parametrize("name", SIGNALS)
def test_an_ignored_signal_stays_ignored(name):
    """As under nohup."""
    number = getattr(signal, name)
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with interrupted_by_signals():
            assert signal.getsignal(number) == signal.SIG_IGN
            os.kill(os.getpid(), number)
    finally:
        signal.signal(number, before)


SLEEP = """
import os, signal, sys, time
from unet_mtl import cli, phantom

def write(*arguments, **options):
    os.kill(os.getpid(), getattr(signal, name))
    time.sleep(60)

name = sys.argv.pop()
phantom.write_phantom = write
cli.main()
"""


def test_a_process_ends_with_its_code(name):
    command = [sys.executable, "-c", SLEEP, "phantom", "nowhere", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == CODES[name]
    assert "Traceback" not in done.stderr
    assert done.stderr.endswith("interrupted\n")


FORK = """
import os, signal
from unet_mtl.cli.signals import interrupted_by_signals

with interrupted_by_signals():
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGTERM)
        os._exit(0)
    print(os.WTERMSIG(os.waitpid(child, 0)[1]))
"""


def test_a_forked_worker_ends_by_the_signal_itself():
    """It inherits the handler, and would print a traceback."""
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, check=True)
    assert int(done.stdout) == signal.SIGTERM
