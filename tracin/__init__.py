"""Which training images made a ResNet50 right or wrong: TracIn influence, as pictures and lists."""

__version__ = "0.1.0"
