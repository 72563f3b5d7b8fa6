"""Numbers of steps, fixed or forecast from a clock, and the progress of the schedule that follows them."""

import itertools
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from unet_mtl import TrainingSettings
from unet_mtl.optimization.budget import Budget
from unet_mtl.optimization.plan import Plan, require_plan


def make_entries(numbers):
    """Return a valid plan from any numbers."""
    entries, step = [], 0
    for gap, left in numbers:
        step += gap if entries else gap - 1
        entries.append((step, step + left))
    return entries


ENTRIES = st.lists(st.tuples(st.integers(1, 50), st.integers(60, 1000)), min_size=1, max_size=8).map(
    make_entries
)


@given(ENTRIES)
def test_progress_is_continuous_rises_and_ends_at_one(entries):
    require_plan(entries)
    plan = Plan(entries)
    first, last = entries[0][0], entries[-1][1]
    found = [0.0 if (s := plan.segment(step)) is None else s.at(step) for step in range(last + 1)]
    assert found[: first + 1] == [0.0] * (first + 1)
    assert found == sorted(found)
    assert found[-1] == 1.0 > found[-2]
    for start, _ in entries[1:]:
        assert plan.segment(start).progress == plan.segment(start - 1).at(start)
    assert plan.total(last) == last
    assert plan.total(first - 1) is None if first else plan.total(0) is not None


def test_a_fixed_plan_is_linear():
    plan = Plan([(0, 8)])
    assert plan.is_fixed
    assert [plan.segment(step).at(step) for step in range(10)] == [min(step / 8, 1) for step in range(10)]


@pytest.mark.parametrize("entries", [[], [(0, 0)], [(5, 4)], [(0, 9), (0, 8)], [(3, 9), (2, 9)], [(-1, 4)]])
def test_a_plan_that_cannot_be_followed_is_refused(entries):
    with pytest.raises(ValueError, match="steps"):
        require_plan(entries)


def simulate(budget_s, *, per_epoch, step_s, pause_s, compile_s, noise, seed, limit=None, slow=()):
    """Return the seconds, the number of steps and the plan of a training on a machine that is simulated."""
    rng, now = random.Random(seed), [100.0]
    budget = Budget(
        budget_s,
        steps_per_epoch=per_epoch,
        validation_steps=max(per_epoch // 3, 1),
        limit=limit,
        clock=lambda: now[0],
    )
    plan, step = Plan(), 0
    while True:
        for _ in range(per_epoch):
            now[0] += step_s * rng.uniform(1 - noise, 1 + noise) + (0 if step else compile_s)
            step += 1
            now[0] += compile_s if step in slow else 0
            total = budget.end_step(step, plan.total(step))
            if total is not None:
                plan.entries.append((step, total))
            if plan.total(step) == step:
                break
        now[0] += pause_s * rng.uniform(1 - noise, 1 + noise)
        if plan.total(step) == step:
            return now[0] - 100, step, plan
        budget.end_pause()


@settings(deadline=None, max_examples=40)
@given(
    per_epoch=st.integers(1, 300),
    step_s=st.floats(0.01, 2),
    share=st.floats(0.05, 1),
    noise=st.sampled_from([0.0, 0.1, 0.4]),
    steps=st.integers(100, 1500),
    seed=st.integers(0, 99),
)
def test_a_training_uses_its_minutes_and_no_more(per_epoch, step_s, share, noise, steps, seed):
    """Whatever the length of an epoch; the last one may be incomplete."""
    pause_s = share * step_s * min(per_epoch, 30)
    budget_s = steps * step_s + 5 * pause_s
    used, done, plan = simulate(
        budget_s,
        per_epoch=per_epoch,
        step_s=step_s,
        pause_s=pause_s,
        compile_s=budget_s / 9,
        noise=noise,
        seed=seed,
    )
    assert used <= budget_s + (step_s + pause_s) * (0.01 + 2 * noise)
    guessed_s = 0.4 * step_s * max(per_epoch // 3, 1)  # the pause before one has been measured
    assert used >= budget_s - (4 * pause_s + 4 * step_s + guessed_s) * (1 + noise)
    assert plan.entries[-1][1] == done
    require_plan(plan.entries)
    assert len(plan.entries) < 40


def test_without_noise_one_forecast_is_enough():
    used, done, plan = simulate(
        100, per_epoch=50, step_s=0.5, pause_s=0.5 * 0.4 * 16, compile_s=0, noise=0, seed=0
    )
    assert plan.entries == [(10, done)]
    assert 95 < used <= 100


@pytest.mark.parametrize("step", [11, 50, 57])
def test_a_single_slow_step_neither_ends_a_training_nor_hurries_its_schedule(step):
    """In the first measured step, another function is compiled, which may take a third of a short training."""
    options = {"per_epoch": 6, "step_s": 0.1, "pause_s": 0.4, "noise": 0.1, "seed": 0}
    used, done, plan = simulate(60, compile_s=20, slow=[step], **options)
    assert 58 < used <= 60.5
    assert done > 80
    progress = [0.0 if (s := plan.segment(n)) is None else s.at(n) for n in range(done + 1)]
    assert max(b - a for a, b in itertools.pairwise(progress)) < 0.06


def test_the_first_of_several_limits_ends_the_training():
    used, done, _ = simulate(
        100, per_epoch=5, step_s=0.5, pause_s=0.1, compile_s=0, noise=0, seed=0, limit=20
    )
    assert done == 20
    assert used < 12


def test_a_budget_below_one_epoch_or_one_step():
    options = {"per_epoch": 1000, "step_s": 1.0, "pause_s": 30, "compile_s": 0, "noise": 0, "seed": 0}
    assert simulate(200, **options)[1] > 50
    assert simulate(0.5, **options)[1] == 1


def test_the_time_before_a_resumption_counts():
    now = [0.0]
    budget = Budget(60, steps_per_epoch=10, validation_steps=1, used=59.0, clock=lambda: now[0])
    assert budget.used == 59
    now[0] = 2.0
    assert budget.end_step(41, 100) == 41


def test_limits_of_the_settings():
    assert TrainingSettings().epochs == 50
    assert TrainingSettings(epochs=None).make_plan(7).entries == [(0, 350)]
    assert TrainingSettings(epochs=3, steps=20).make_plan(7).entries == [(0, 20)]
    assert TrainingSettings(epochs=2, steps=20).make_plan(7).entries == [(0, 14)]
    timed = TrainingSettings(minutes=20)
    assert (timed.epochs, timed.make_plan(7).entries, timed.step_limit(7)) == (None, [], None)
    assert TrainingSettings(minutes=20, epochs=2).step_limit(7) == 14
    planned = TrainingSettings(steps=[[10, 30], [20, 25]])
    assert planned.make_plan(7).entries == [(10, 30), (20, 25)]
    for limited in (timed, planned, TrainingSettings(steps=5)):
        assert TrainingSettings.model_validate(limited.to_config()) == limited


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"minutes": 0}, "greater than 0"),
        ({"minutes": math.inf}, "finite"),
        ({"steps": 0}, "greater than or equal to 1"),
        ({"steps": [[4, 3]]}, r"received \[4, 3\]"),
        ({"steps": [[0, 9]], "minutes": 3}, "`minutes` has no use"),
        ({"epochs": 3, "warmup_epochs": 4}, "the training has 3 `epochs`"),
        ({"optimizer": "adam"}, "'adamw' or 'sgd'"),
        ({"schedule": "linear"}, "'cosine', 'polynomial' or 'constant'"),
        ({"average_decay": 1}, "less than 1"),
        ({"clip_norm": 0}, "greater than 0"),
    ],
)
def test_settings_that_do_not_fit_together(wrong, message):
    with pytest.raises(ValidationError, match=message):
        TrainingSettings(**wrong)
