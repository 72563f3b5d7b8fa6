"""The doctor reports each fault of the corpus with the cases concerned, and nothing else."""

import sys

import pytest

from unet_mtl import api
from unet_mtl.cli import main
from unet_mtl.prepare.doctor.catalogue import KINDS

from .conftest import check_folder
from .faults import FAULTS
from .good import copy_good
from .harmless import HARMLESS

LOUD = ("error", "warning")


def loud(checkup):
    return {finding.name for finding in checkup.findings if finding.kind.severity in LOUD}


def lines(checkup):
    """Return the lines of errors and warnings, for the message of a failed test."""
    return "\n".join(
        f"{f.kind.severity} {f.name}: {observation.text}"
        for f in checkup.findings
        if f.kind.severity in LOUD
        for observation in f.observations
    )


def found(checkup, kind):
    return next((finding for finding in checkup.findings if finding.name == kind), None)


def cases_of(checkup, kind):
    finding = found(checkup, kind)
    return set(finding.cases) if finding else set()


def exit_code(checkup, folder, monkeypatch):
    """Return the exit code of the command for this result of a check."""
    monkeypatch.setattr(api, "check", lambda *_: checkup)
    monkeypatch.setattr(sys, "argv", ["unet-mtl", "check", str(folder)])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code or 0


def test_the_good_set_is_good(good_checkup, good, monkeypatch, capsys):
    assert not loud(good_checkup), lines(good_checkup)
    assert exit_code(good_checkup, good, monkeypatch) == 0
    assert capsys.readouterr().out.rstrip().endswith("no errors or warnings found")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_named(fault, good, good_checkup, tmp_path, monkeypatch, capsys):
    folder = copy_good(good, tmp_path / "broken")
    fault.apply(folder)
    checkup = check_folder(folder)
    finding = found(checkup, fault.kind)
    assert finding is not None, lines(checkup)
    assert cases_of(checkup, fault.kind) - cases_of(good_checkup, fault.kind) == set(fault.cases)
    text = "\n".join(observation.text for observation in finding.observations)
    for word in fault.words:
        assert word in text
    assert loud(checkup) - {fault.kind} <= fault.allowed, lines(checkup)
    wrong = finding.kind.severity == "error" or any(KINDS[kind].severity == "error" for kind in loud(checkup))
    assert exit_code(checkup, folder, monkeypatch) == int(wrong)
    printed = capsys.readouterr()
    assert fault.kind in printed.out


@pytest.mark.parametrize("write", HARMLESS, ids=lambda write: write.__name__)
def test_what_only_looks_odd_is_left_alone(write, good, tmp_path):
    folder = copy_good(good, tmp_path / "odd")
    write(folder)
    checkup = check_folder(folder)
    assert not loud(checkup), lines(checkup)


def test_every_kind_has_a_fault():
    # Zoom is a fault of a config; tests/batches/augment/test_zoom.py checks it.
    assert {fault.kind for fault in FAULTS} == set(KINDS) - {"number-zoomed"}
    assert not {kind for fault in FAULTS for kind in fault.allowed} - set(KINDS)
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 45


def test_each_kind_that_a_repair_corrects_has_a_fault_that_proves_it():
    repaired = {fault.kind for fault in FAULTS if fault.repaired}
    assert repaired == {kind for kind, entry in KINDS.items() if entry.repair}
