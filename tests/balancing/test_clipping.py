"""The gradient of all weights together is clipped, whichever balancer has combined it."""

import numpy as np
import pytest


@pytest.mark.parametrize("balancing", ["fixed", "pcgrad"])
def test_a_step_is_as_long_as_the_clipped_gradient(small, rows, balancing):
    options = {"optimizer": "sgd", "learning_rate": 0.5, "schedule": "constant"}
    moved = {}
    for clip_norm in (0.01, 1e4):
        trainer = small(balancing, clip_norm=clip_norm, **options)
        trainer.run_eagerly = True
        before = [variable.numpy() for variable in trainer.network.trainable_variables]
        trainer.train_on_batch(*rows[0][:2], sample_weight=rows[0][2])
        after = [variable.numpy() for variable in trainer.network.trainable_variables]
        moved[clip_norm] = np.concatenate([(b - a).ravel() for a, b in zip(before, after, strict=True)])
    # The first step with Nesterov momentum is that of the gradient and of 0.99 of it.
    assert np.linalg.norm(moved[0.01]) == pytest.approx(0.5 * 1.99 * 0.01, rel=1e-2)
    assert np.linalg.norm(moved[1e4]) > 0.1
    direction = [vector / np.linalg.norm(vector) for vector in moved.values()]
    assert direction[0] @ direction[1] == pytest.approx(1, abs=1e-2)
