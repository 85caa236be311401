"""Random changes to training images: geometry and colour, copy-paste, adaptation of renders towards photos."""
