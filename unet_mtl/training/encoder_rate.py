"""A learning rate of the encoder that differs from that of the other layers."""

from typing import Any

import keras

from unet_mtl.config import TrainingSettings
from unet_mtl.errors import ConfigError
from unet_mtl.nn.weights.transfer import find_layers


class EncoderRate(keras.callbacks.Callback):
    """Multiplies the learning rate of the encoder by a factor, which is 0 in the first epochs if it is frozen.

    The update is scaled and not the gradient, whose scale AdamW ignores. The statistics of batch normalization follow
    the images in frozen epochs, too.

    Args:
        network: The network, from `build_network`.
        optimizer: The optimizer, before it is wrapped for float16.
        settings: The factor and the number of frozen epochs.

    Raises:
        ConfigError: There is no encoder, or epochs are to be frozen on another backend than TensorFlow.
    """

    def __init__(self, network: keras.Model, optimizer: Any, settings: TrainingSettings) -> None:
        super().__init__()
        self.factor, self.frozen_epochs = settings.encoder_learning_rate, settings.freeze_epochs
        self.variables = [
            variable
            for layer in find_layers(network, "encoder").values()
            for variable in layer.trainable_variables
        ]
        if not self.variables:
            raise ConfigError(
                "training.encoder_learning_rate, training.freeze_epochs: the network reads no image, so that it has "
                "no encoder; leave them out"
            )
        if self.frozen_epochs and keras.backend.backend() != "tensorflow":
            raise ConfigError("training.freeze_epochs works on the TensorFlow backend alone; set it to 0")
        self.present = keras.Variable(
            0.0 if self.frozen_epochs else self.factor, trainable=False, name="factor"
        )
        # Depending on the backend, optimizers get the variables of Keras or those of the backend.
        self._known = {id(variable) for v in self.variables for variable in (v, v.value)}
        self._update = optimizer.update_step
        optimizer.update_step = self._update_step

    def _update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        is_slow = id(variable) in self._known
        self._update(gradient, variable, learning_rate * self.present if is_slow else learning_rate)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the factor of the epoch, which may be the first one of a resumed training."""
        self.present.assign(0.0 if epoch < self.frozen_epochs else self.factor)
