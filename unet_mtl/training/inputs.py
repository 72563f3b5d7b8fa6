"""The inputs of the network, fitted to the train cases."""

from unet_mtl.batches.inputs.channels import make_channel_inputs
from unet_mtl.batches.inputs.columns import fit_inputs
from unet_mtl.batches.inputs.inputs import IMAGE, Inputs, find_reads
from unet_mtl.config import Config
from unet_mtl.data.records import Dataset


def make_inputs(config: Config, train: Dataset) -> Inputs:
    """Return the inputs that the tasks read, with statistics of the train cases for each column.

    Raises:
        ConfigError: Tasks and inputs do not fit together.
        DataError: The data set does not describe a column, or no train case has a value in it.
    """
    image = train.description.images is not None
    columns = {name: table.columns for name, table in config.inputs.items()}
    reads = find_reads(config.tasks, columns, image=image, fusion=config.network.fusion)
    read = {name for names in reads.values() for name in names}
    tables = fit_inputs({name: table for name, table in config.inputs.items() if name in read}, train)
    image = image and IMAGE in read
    channels = make_channel_inputs(train.description) if image else ()
    return Inputs(image=image, channels=channels, tables=tables)
