"""Building blocks of the network. Functions named `build_` take and return Keras tensors.

No module here imports Keras before a network is built, since settings take the names of encoders, normalizations
and so on from the registries of these modules, and a config file is checked without Keras.
"""
