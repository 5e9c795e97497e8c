"""Folders of images → checkpoints: two-stage fine-tuning of ResNet50 with the Animals-10 head."""
