"""Random augmentation of training images and masks."""
