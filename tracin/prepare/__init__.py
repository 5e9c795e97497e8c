"""Raw photos → train/ and test/ folders of checked images."""
