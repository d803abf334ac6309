"""What the Python services of the shop share."""
