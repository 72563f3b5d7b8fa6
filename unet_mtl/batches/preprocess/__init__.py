"""The fixed steps from an image file to the input of the network."""
