"""What if these images were relabelled or not there: the head retrained on the kept features."""
